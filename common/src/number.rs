//! Numbers as text: JSON's, DynamoDB's `N`, and the canonical form between them.
//!
//! Nothing here is a binary floating-point number. `78.89` is the digits 7889 and the exponent -2, from the
//! request to the table and back.

use std::cmp::Ordering;

/// DynamoDB keeps up to 38 significant digits
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>).
pub const MAX_DIGITS: usize = 38;
/// The largest magnitude DynamoDB keeps is 9.9…E+125.
const MAX_EXPONENT: i64 = 125;
/// The smallest magnitude DynamoDB keeps is 1E-130.
const MIN_EXPONENT: i64 = -130;
/// An exponent beyond this is cut to it: already far outside of what any table holds.
const EXPONENT_BOUND: i64 = 1_000_000_000_000;

/// A number as a client wrote it, of any size.
#[derive(Clone, Debug)]
pub struct Number {
    text: Box<str>,
}

impl Number {
    /// `text` is a number by JSON's grammar (RFC 8259 §6), as the parser found it.
    #[must_use]
    pub fn from_json(text: &str) -> Self {
        Self { text: text.into() }
    }

    /// The text as the client wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The decimal that DynamoDB would keep.
    ///
    /// # Errors
    ///
    /// What DynamoDB can't keep exactly: a [`NumberError`].
    pub fn to_decimal(&self) -> Result<Decimal, NumberError> {
        let decimal = Decimal::parse(&self.text).ok_or(NumberError::NotANumber)?;
        decimal.fits_dynamodb()?;
        Ok(decimal)
    }

    /// One text for all texts of the same value: the plain decimal where DynamoDB could keep it, else digits
    /// and exponent.
    #[must_use]
    pub fn canonical(&self) -> String {
        match Decimal::parse(&self.text) {
            Some(decimal) if decimal.fits_dynamodb().is_ok() => decimal.to_plain(),
            Some(decimal) => {
                let sign = if decimal.negative { "-" } else { "" };
                format!("{sign}{}e{}", decimal.digits, decimal.exponent)
            }
            None => self.text.to_string(),
        }
    }
}

/// Numbers are equal by value: `1.10` is `1.1`.
impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

/// What DynamoDB can't keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    NotANumber,
    TooManyDigits,
    TooLarge,
    TooSmall,
}

impl NumberError {
    /// The reason, to follow the name of what is wrong.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::NotANumber => "must be a number",
            Self::TooManyDigits => "must be a number of at most 38 significant digits",
            Self::TooLarge => "must be a number whose magnitude is below 1e126",
            Self::TooSmall => "must be 0 or a number whose magnitude is at least 1e-130",
        }
    }
}

/// An exact decimal: `digits × 10^exponent`, the digits without leading and trailing zeros (`0` is no digits
/// at all).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Reads a number by JSON's grammar; DynamoDB's `N` may also have a `+` before it, which is taken too.
    /// `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
            Some(at) => (&unsigned[..at], parse_exponent(&unsigned[at + 1..])?),
            None => (unsigned, 0),
        };
        let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if (integer.is_empty() && fraction.is_empty())
            || !all_digits(integer)
            || !all_digits(fraction)
        {
            return None;
        }
        Some(Self::normalized(negative, integer, fraction, exponent))
    }

    fn normalized(negative: bool, integer: &str, fraction: &str, exponent: i64) -> Self {
        let all = format!("{integer}{fraction}");
        let significant = all.trim_start_matches('0');
        let digits = significant.trim_end_matches('0');
        if digits.is_empty() {
            return Self {
                negative: false,
                digits: String::new(),
                exponent: 0,
            };
        }
        let dropped_zeros = as_i64(significant.len() - digits.len());
        let exponent = exponent - as_i64(fraction.len()) + dropped_zeros;
        Self {
            negative,
            digits: digits.to_owned(),
            exponent,
        }
    }

    /// Whether DynamoDB keeps this number exactly.
    pub fn fits_dynamodb(&self) -> Result<(), NumberError> {
        if self.digits.is_empty() {
            return Ok(());
        }
        let magnitude = as_i64(self.digits.len()) - 1 + self.exponent;
        if magnitude > MAX_EXPONENT {
            Err(NumberError::TooLarge)
        } else if magnitude < MIN_EXPONENT {
            Err(NumberError::TooSmall)
        } else if self.digits.len() > MAX_DIGITS {
            Err(NumberError::TooManyDigits)
        } else {
            Ok(())
        }
    }

    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// How many digits stand after the decimal point.
    #[must_use]
    pub fn decimal_places(&self) -> i64 {
        (-self.exponent).max(0)
    }

    /// How many digits stand before the decimal point; 0 for what is below 1.
    #[must_use]
    pub fn integer_digits(&self) -> i64 {
        if self.digits.is_empty() {
            0
        } else {
            (as_i64(self.digits.len()) + self.exponent).max(0)
        }
    }

    /// How many significant digits there are; 0 for zero.
    #[must_use]
    pub fn significant_digits(&self) -> usize {
        self.digits.len()
    }

    /// The plain decimal, or digits and an exponent where that is much shorter: what DynamoDB is sent. It stores a
    /// number of 126 digits in two bytes, and a request has its bound.
    #[must_use]
    pub fn to_short(&self) -> String {
        const MAX_ZEROS: i64 = 40;
        let zeros = self
            .exponent
            .max(-self.exponent - as_i64(self.digits.len()));
        if zeros <= MAX_ZEROS {
            return self.to_plain();
        }
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}{}E{}", self.digits, self.exponent)
    }

    /// No exponent, no trailing zeros, `0` for `-0`. Only for what [`Decimal::fits_dynamodb`]: the text's
    /// length is bounded by that.
    #[must_use]
    pub fn to_plain(&self) -> String {
        if self.digits.is_empty() {
            return "0".to_owned();
        }
        let sign = if self.negative { "-" } else { "" };
        let digits = &self.digits;
        let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or_default());
        let point = as_i64(digits.len()) + self.exponent;
        if self.exponent >= 0 {
            format!("{sign}{digits}{}", zeros(self.exponent))
        } else if point > 0 {
            let (integer, fraction) = digits.split_at(usize::try_from(point).unwrap_or_default());
            format!("{sign}{integer}.{fraction}")
        } else {
            format!("{sign}0.{}{digits}", zeros(-point))
        }
    }
}

/// By value.
impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |decimal: &Self| match (decimal.digits.is_empty(), decimal.negative) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => -1,
        };
        let magnitude = |decimal: &Self| as_i64(decimal.digits.len()) + decimal.exponent;
        match sign(self).cmp(&sign(other)) {
            // Digits have no leading zeros: with equal magnitudes, text order is value order.
            Ordering::Equal => {
                let unsigned =
                    (magnitude(self), &self.digits).cmp(&(magnitude(other), &other.digits));
                if self.negative {
                    unsigned.reverse()
                } else {
                    unsigned
                }
            }
            unequal => unequal,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A number from the table, as it goes out: a plain decimal. Text that is no number, or one longer than any
/// DynamoDB holds, goes out as it is.
#[must_use]
pub fn plain_or_as_it_is(text: &str) -> std::borrow::Cow<'_, str> {
    match Decimal::parse(text) {
        Some(decimal) if decimal.exponent.abs() <= 1_000 => decimal.to_plain().into(),
        _ => text.into(),
    }
}

fn parse_exponent(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let magnitude = digits
        .parse::<i64>()
        .unwrap_or(EXPONENT_BOUND)
        .min(EXPONENT_BOUND);
    Some(if negative { -magnitude } else { magnitude })
}

fn as_i64(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("78.89", "78.89")]
    #[case("78.90", "78.9")]
    #[case("1.10", "1.1")]
    #[case("-0", "0")]
    #[case("0.000", "0")]
    #[case("0e500", "0")]
    #[case("1E2", "100")]
    #[case("12e-1", "1.2")]
    #[case("-1.5e+3", "-1500")]
    #[case("0.00100", "0.001")]
    #[case(
        "12345678901234567890123456789012345678",
        "12345678901234567890123456789012345678"
    )]
    fn a_number_has_one_plain_decimal(#[case] text: &str, #[case] plain: &str) {
        assert_eq!(
            Number::from_json(text).to_decimal().unwrap().to_plain(),
            plain
        );
    }

    #[rstest]
    #[case("1e126", NumberError::TooLarge)]
    #[case("1e400", NumberError::TooLarge)]
    #[case("1e99999999999999999999999", NumberError::TooLarge)]
    #[case("1e-131", NumberError::TooSmall)]
    #[case("123456789012345678901234567890123456789", NumberError::TooManyDigits)]
    fn what_dynamodb_cannot_keep_is_refused(#[case] text: &str, #[case] error: NumberError) {
        assert_eq!(Number::from_json(text).to_decimal(), Err(error));
    }

    #[test]
    fn the_extremes_of_dynamodb_fit() {
        let largest = format!("{}e88", "9".repeat(38));
        for (text, length) in [("1e-130", 132), ("9.9e125", 126), (largest.as_str(), 126)] {
            let plain = Number::from_json(text).to_decimal().unwrap().to_plain();
            assert_eq!(plain.len(), length, "{text}");
            assert_eq!(Decimal::parse(&plain), Decimal::parse(text));
        }
    }

    #[test]
    fn decimals_are_ordered_by_value() {
        let sorted = [
            "-100", "-2", "-0.5", "0", "0.05", "0.1", "1", "1.5", "2", "10", "1e30",
        ];
        let mut decimals: Vec<_> = sorted
            .iter()
            .rev()
            .map(|text| Decimal::parse(text).unwrap())
            .collect();
        decimals.sort();
        let expected: Vec<_> = sorted
            .iter()
            .map(|text| Decimal::parse(text).unwrap())
            .collect();
        assert_eq!(decimals, expected);
    }

    proptest! {
        #[test]
        fn plain_text_is_a_fixed_point(text in "-?[0-9]{1,20}(\\.[0-9]{1,18})?([eE][+-]?[0-9]{1,2})?") {
            let decimal = Decimal::parse(&text).unwrap();
            let plain = decimal.to_plain();
            prop_assert_eq!(Decimal::parse(&plain).unwrap(), decimal);
            let is_canonical = !plain.contains(['e', 'E']) && (!plain.contains('.') || !plain.ends_with('0'));
            prop_assert!(is_canonical, "{}", plain);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = Decimal::parse(&text);
        }
    }
}
