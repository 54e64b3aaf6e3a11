//! The order: what a client may send, parsed once into what is stored. No request is made here.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use serde::{Serialize, Serializer};
use validator::{Validate, ValidationError};

use crate::clock::{self, Clock};
use crate::item::{
    self, AttributeValue, ID, Item, ORDER_DATE, PRICE, PRODUCT, is_bookkeeping, to_attribute,
};
use crate::json::Json;
use crate::number::Decimal;
use crate::problem::Problem;
use crate::violation::{Pointer, Violations};

/// How deep an order's JSON may nest, the order's own object included: DynamoDB's limit.
pub const MAX_LEVELS: usize = 32;
/// A price is below 10^10.
const MAX_PRICE_INTEGER_DIGITS: i64 = 10;
const MAX_PRICE_DECIMAL_PLACES: i64 = 4;

/// An id that REST can address: 1–128 characters of `A–Z a–z 0–9 . _ ~ -`, not `.` or `..`
/// (the unreserved characters of RFC 3986 §2.3, without the two dot segments).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderId(String);

impl OrderId {
    /// `None` when `text` is no such id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_id(text).is_ok().then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A valid order, ready to be stored: every attribute but the bookkeeping.
#[derive(Clone, Debug)]
pub struct Order {
    id: OrderId,
    attributes: Item,
}

impl Order {
    /// The order that `POST /orders` asks for. A missing id is made, a missing date is now.
    pub fn to_create(body: &Json, clock: &Clock) -> Result<Self, Problem> {
        Self::parse(body, |fields, _| {
            fields.id.get_or_insert_with(clock::new_id);
            fields.order_date.get_or_insert_with(|| clock.now_rfc3339());
        })
    }

    /// The order that `PUT /orders/{id}` asks for: complete, and with the path's id.
    pub fn to_replace(path_id: &str, body: &Json) -> Result<Self, Problem> {
        Self::parse(body, |fields, violations| {
            check_same_id(path_id, fields.id.as_deref(), violations);
            fields.id = Some(path_id.to_owned());
            if fields.order_date.is_none() && !fields.is_wrong(ORDER_DATE) {
                violations.add("/order_date", "is required: a replacement is complete");
            }
        })
    }

    fn parse(
        body: &Json,
        complete: impl FnOnce(&mut Fields, &mut Violations),
    ) -> Result<Self, Problem> {
        let mut violations = Violations::default();
        let members = object(body)?;
        let mut fields = Fields::read(members, &mut violations);
        for (name, present) in [
            (PRODUCT, fields.product.is_some()),
            (PRICE, fields.price.is_some()),
        ] {
            if !present && !fields.is_wrong(name) {
                violations.add(at(name), "is required");
            }
        }
        complete(&mut fields, &mut violations);
        fields.check(&mut violations);
        let mut attributes = other_attributes(members, &mut violations);
        if !violations.is_empty() {
            return Err(Problem::Invalid(violations));
        }
        let id = OrderId(fields.id.clone().unwrap_or_default());
        attributes.extend(fields.into_attributes());
        Ok(Self { id, attributes })
    }

    #[must_use]
    pub fn id(&self) -> &OrderId {
        &self.id
    }

    /// The attributes to store.
    #[must_use]
    pub fn into_attributes(self) -> Item {
        self.attributes
    }
}

/// The body's members, when it is an object.
pub fn object(body: &Json) -> Result<&BTreeMap<String, Json>, Problem> {
    match body {
        Json::Object(members) => Ok(members),
        other => {
            let detail = format!("must be an object, not {}", other.kind());
            Err(Problem::Invalid(Violations::one("", detail)))
        }
    }
}

/// The four fields that the service knows, those that are there and of the right JSON type.
#[derive(Debug, Default, Validate)]
pub struct Fields {
    #[validate(custom(function = "is_id"))]
    pub id: Option<String>,
    #[validate(
        length(max = 256, message = "must not be longer than 256 characters"),
        custom(function = "is_not_blank"),
        custom(function = "has_no_control_characters")
    )]
    pub product: Option<String>,
    #[validate(custom(function = "is_price"))]
    pub price: Option<Price>,
    /// In UTC to the whole second, once [`Fields::check`] found it right.
    #[validate(custom(function = "is_date"))]
    pub order_date: Option<String>,
    /// The names of the fields that are there with a wrong type: neither missing nor checked further.
    #[validate(skip)]
    wrong: Vec<&'static str>,
}

/// A price before it is checked.
#[derive(Clone, Debug)]
pub struct Price(pub Decimal);

/// `validator` wants to be able to show what it refuses.
impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:?}", self.0))
    }
}

impl Fields {
    /// Reads the fields that are there; one of a wrong type is a violation.
    #[must_use]
    pub fn read(members: &BTreeMap<String, Json>, violations: &mut Violations) -> Self {
        let mut fields = Self::default();
        fields.id = fields.text(members, ID, violations);
        fields.product = fields.text(members, PRODUCT, violations);
        fields.order_date = fields.text(members, ORDER_DATE, violations);
        fields.price = fields.number(members, violations);
        fields
    }

    fn text(
        &mut self,
        members: &BTreeMap<String, Json>,
        name: &'static str,
        violations: &mut Violations,
    ) -> Option<String> {
        match members.get(name)? {
            Json::String(text) => Some(text.clone()),
            other => self.refuse(
                name,
                format!("must be a string, not {}", other.kind()),
                violations,
            ),
        }
    }

    fn number(
        &mut self,
        members: &BTreeMap<String, Json>,
        violations: &mut Violations,
    ) -> Option<Price> {
        match members.get(PRICE)? {
            Json::Number(number) => match Decimal::parse(number.as_str()) {
                Some(decimal) => Some(Price(decimal)),
                None => self.refuse(PRICE, "must be a number".to_owned(), violations),
            },
            other => self.refuse(
                PRICE,
                format!("must be a number, not {}", other.kind()),
                violations,
            ),
        }
    }

    fn refuse<T>(
        &mut self,
        name: &'static str,
        detail: String,
        violations: &mut Violations,
    ) -> Option<T> {
        violations.add(at(name), detail);
        self.wrong.push(name);
        None
    }

    fn is_wrong(&self, name: &str) -> bool {
        self.wrong.contains(&name)
    }

    /// Adds what does not hold for the fields that are there, and brings the date to the form it is stored in.
    pub fn check(&mut self, violations: &mut Violations) {
        if let Err(errors) = self.validate() {
            let errors = errors.field_errors();
            for name in [ID, PRODUCT, PRICE, ORDER_DATE] {
                for error in errors
                    .get(name)
                    .into_iter()
                    .flat_map(|errors| errors.iter())
                {
                    violations.add(at(name), error.message.clone().unwrap_or_default());
                }
            }
        }
        self.order_date = self
            .order_date
            .take()
            .and_then(|text| utc_to_the_second(&text));
    }

    /// The attributes of the fields that are there.
    #[must_use]
    pub fn into_attributes(self) -> Item {
        let text =
            |name: &str, text: Option<String>| Some((name.to_owned(), AttributeValue::S(text?)));
        let price = self
            .price
            .map(|Price(price)| AttributeValue::N(price.to_plain()));
        [
            text(ID, self.id),
            text(PRODUCT, self.product),
            text(ORDER_DATE, self.order_date),
            price.map(|price| (PRICE.to_owned(), price)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// What a client may send besides the four fields: any JSON, except under the names of the bookkeeping.
fn other_attributes(members: &BTreeMap<String, Json>, violations: &mut Violations) -> Item {
    let mut attributes = Item::new();
    for (name, value) in members {
        if ![ID, PRODUCT, PRICE, ORDER_DATE].contains(&name.as_str()) {
            let pointer = at(name);
            check_attribute_name(name, &pointer, violations);
            attributes.insert(
                name.clone(),
                to_attribute(value, &pointer, 1, MAX_LEVELS, violations),
            );
        }
    }
    attributes
}

/// A top-level attribute's name: one that DynamoDB takes and that is not the service's own.
pub fn check_attribute_name(name: &str, pointer: &Pointer<'_>, violations: &mut Violations) {
    item::check_name(name, pointer, violations);
    if is_bookkeeping(name) {
        violations.add(pointer, "is reserved for the service's own bookkeeping");
    }
}

/// A body's id, where it has one, must be the path's.
pub fn check_same_id(path_id: &str, body_id: Option<&str>, violations: &mut Violations) {
    if body_id.is_some_and(|id| id != path_id) {
        violations.add(
            "/id",
            "must be the id in the path: an order's id never changes",
        );
    }
}

/// The place of a top-level member.
#[must_use]
pub fn at(name: &str) -> Pointer<'_> {
    Pointer::Member(&Pointer::Base(""), name)
}

fn invalid(message: &'static str) -> ValidationError {
    ValidationError::new("invalid").with_message(message.into())
}

fn is_id(text: &str) -> Result<(), ValidationError> {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
    let is_id = (1..=128).contains(&text.len())
        && text.bytes().all(is_unreserved)
        && text != "."
        && text != "..";
    if is_id {
        Ok(())
    } else {
        Err(invalid(
            "must be 1 to 128 characters of A-Z a-z 0-9 . _ ~ -, and not . or ..",
        ))
    }
}

fn is_not_blank(text: &str) -> Result<(), ValidationError> {
    if text.chars().all(char::is_whitespace) {
        Err(invalid("must not be blank"))
    } else {
        Ok(())
    }
}

fn has_no_control_characters(text: &str) -> Result<(), ValidationError> {
    if text.chars().any(char::is_control) {
        Err(invalid("must not contain control characters"))
    } else {
        Ok(())
    }
}

fn is_price(Price(price): &Price) -> Result<(), ValidationError> {
    let fits = !price.is_negative()
        && price.integer_digits() <= MAX_PRICE_INTEGER_DIGITS
        && price.decimal_places() <= MAX_PRICE_DECIMAL_PLACES;
    if fits {
        Ok(())
    } else {
        Err(invalid(
            "must be from 0 to 9999999999.9999, with at most 4 decimal places",
        ))
    }
}

fn is_date(text: &str) -> Result<(), ValidationError> {
    match utc_to_the_second(text) {
        Some(_) => Ok(()),
        None => Err(invalid(
            "must be an RFC 3339 date and time with an offset, such as 2024-11-04T10:30:00Z, whose year in UTC is \
             from 0000 to 9999",
        )),
    }
}

/// An RFC 3339 date and time (§5.6, without leap seconds) in UTC, cut to the whole second:
/// `2024-11-04T12:30:00.123+02:00` → `2024-11-04T10:30:00Z`. `None` for anything else, and for a year in UTC
/// outside of 0000–9999.
#[must_use]
pub fn utc_to_the_second(text: &str) -> Option<String> {
    let (date_time, rest) = text.split_at_checked("2024-11-04T10:30:00".len())?;
    let local = local_date_time(date_time.as_bytes())?;
    let offset = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let fraction = &rest[..rest.len() - offset.len()];
    let digits = fraction.strip_prefix('.').unwrap_or("0");
    let has_right_fraction = fraction.is_empty()
        || (!digits.is_empty() && !digits.contains('.') && fraction.starts_with('.'));
    if !has_right_fraction {
        return None;
    }
    let utc = local
        .checked_sub(SignedDuration::from_secs(offset_seconds(
            offset.as_bytes(),
        )?))
        .ok()?;
    (0..=9999)
        .contains(&utc.year())
        .then(|| utc.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// `YYYY-MM-DDTHH:MM:SS`.
fn local_date_time(text: &[u8]) -> Option<DateTime> {
    let [
        _,
        _,
        _,
        _,
        b'-',
        _,
        _,
        b'-',
        _,
        _,
        b'T' | b't',
        _,
        _,
        b':',
        _,
        _,
        b':',
        _,
        _,
    ] = text
    else {
        return None;
    };
    let two = |at: usize| i8::try_from(number(&text[at..at + 2])?).ok();
    let year = i16::try_from(number(&text[..4])?).ok()?;
    DateTime::new(year, two(5)?, two(8)?, two(11)?, two(14)?, two(17)?, 0).ok()
}

/// `Z` or `±HH:MM`, in seconds.
fn offset_seconds(text: &[u8]) -> Option<i64> {
    if let [b'Z' | b'z'] = text {
        return Some(0);
    }
    let [sign @ (b'+' | b'-'), _, _, b':', _, _] = text else {
        return None;
    };
    let (hours, minutes) = (number(&text[1..3])?, number(&text[4..6])?);
    let seconds = hours * 3_600 + minutes * 60;
    (hours <= 23 && minutes <= 59).then_some(if *sign == b'-' { -seconds } else { seconds })
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |value, digit| {
        digit
            .is_ascii_digit()
            .then(|| value * 10 + i64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2024-11-04T10:30:00Z", "2024-11-04T10:30:00Z")]
    #[case("2024-11-04T12:30:00.123+02:00", "2024-11-04T10:30:00Z")]
    #[case("2024-11-04t10:30:00z", "2024-11-04T10:30:00Z")]
    #[case("2024-02-29T23:59:59-00:30", "2024-03-01T00:29:59Z")]
    #[case("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z")]
    #[case("9999-12-31T23:59:59.999999999999Z", "9999-12-31T23:59:59Z")]
    fn a_date_is_stored_in_utc_to_the_second(#[case] text: &str, #[case] utc: &str) {
        assert_eq!(utc_to_the_second(text).as_deref(), Some(utc));
    }

    #[rstest]
    #[case::without_offset("2024-11-04T10:30:00")]
    #[case::date_only("2024-11-04")]
    #[case::leap_second("2024-12-31T23:59:60Z")]
    #[case::no_such_day("2023-02-29T00:00:00Z")]
    #[case::blank("2024-11-04 10:30:00Z")]
    #[case::empty_fraction("2024-11-04T10:30:00.Z")]
    #[case::two_fractions("2024-11-04T10:30:00.1.2Z")]
    #[case::digits_without_point("2024-11-04T10:30:001Z")]
    #[case::offset_without_colon("2024-11-04T10:30:00+0200")]
    #[case::offset_too_large("2024-11-04T10:30:00+24:00")]
    #[case::before_year_0("0000-01-01T00:00:00+00:01")]
    #[case::after_year_9999("9999-12-31T23:59:59-00:01")]
    #[case::not_ascii("2024-11-04T10:30:0é")]
    #[case::trailing("2024-11-04T10:30:00Z ")]
    #[case::empty("")]
    fn anything_else_is_no_date(#[case] text: &str) {
        assert_eq!(utc_to_the_second(text), None);
    }

    fn violations(text: &str) -> Vec<(String, String)> {
        let body = Json::parse(text.as_bytes()).unwrap();
        match Order::to_create(&body, &Clock::default()) {
            Err(Problem::Invalid(violations)) => violations
                .into_list()
                .into_iter()
                .map(|v| (v.pointer, v.detail))
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_violations_are_listed_at_once() {
        let list = violations(
            r#"{"id":"a b","product":" ","price":-1,"order_date":"today","_rev":1,"x":{"y":[1e999]},"":1}"#,
        );
        let pointers: Vec<_> = list.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(
            pointers,
            [
                "/id",
                "/product",
                "/price",
                "/order_date",
                "/",
                "/_rev",
                "/x/y/0"
            ]
        );
    }

    #[test]
    fn a_field_of_a_wrong_type_is_one_violation() {
        let list = violations(r#"{"id":null,"product":1,"price":"78.89","order_date":null}"#);
        let pointers: Vec<_> = list.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/id", "/product", "/order_date", "/price"]);
    }

    #[rstest]
    #[case("0", "0")]
    #[case("-0", "0")]
    #[case("78.89", "78.89")]
    #[case("1.00000", "1")]
    #[case("1e-4", "0.0001")]
    #[case("9999999999.9999", "9999999999.9999")]
    fn a_price_is_kept_exactly(#[case] price: &str, #[case] stored: &str) {
        let body = format!(r#"{{"product":"x","price":{price}}}"#);
        let order =
            Order::to_create(&Json::parse(body.as_bytes()).unwrap(), &Clock::default()).unwrap();
        assert_eq!(
            order.into_attributes()[PRICE],
            AttributeValue::N(stored.to_owned())
        );
    }

    #[rstest]
    #[case("-0.0001")]
    #[case("0.00001")]
    #[case("9999999999.99991")]
    #[case("10000000000")]
    #[case("1e400")]
    fn a_price_out_of_range_is_refused(#[case] price: &str) {
        let list = violations(&format!(r#"{{"product":"x","price":{price}}}"#));
        assert_eq!(list.len(), 1);
        assert_eq!(list[0].0, "/price");
    }

    #[test]
    fn thirty_two_levels_are_taken_and_thirty_three_are_not() {
        let nested = |levels: usize| {
            let body = format!(
                r#"{{"product":"x","price":1,"a":{}{}}}"#,
                "[".repeat(levels - 1),
                "]".repeat(levels - 1)
            );
            Order::to_create(&Json::parse(body.as_bytes()).unwrap(), &Clock::default())
        };
        assert!(nested(32).is_ok());
        assert!(nested(33).is_err());
    }

    #[test]
    fn lengths_count_characters_and_not_bytes() {
        let product = |length: usize| {
            let body = format!(r#"{{"product":"{}","price":1}}"#, "é".repeat(length));
            Order::to_create(&Json::parse(body.as_bytes()).unwrap(), &Clock::default())
        };
        assert!(product(256).is_ok());
        assert!(product(257).is_err());
    }
}
