//! The arguments of a call: taken one by one, each with the type that DynamoDB gives it. What is left is unknown.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;

use crate::item::{Item, check_name, is_bookkeeping, to_attribute, to_item};
use crate::json::{Json, quoted};
use crate::number::Decimal;
use crate::problem::Problem;
use crate::violation::{Pointer, Violations};

/// What is not taken yet.
#[derive(Debug, Default)]
pub struct Arguments {
    members: BTreeMap<String, Json>,
}

impl Arguments {
    pub fn new(members: BTreeMap<String, Json>) -> Self {
        Self { members }
    }

    /// An argument of any type.
    pub fn take(&mut self, name: &str) -> Option<Json> {
        self.members.remove(name)
    }

    pub fn string(&mut self, name: &str) -> Result<Option<String>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(name, "a string", &other)),
        }
    }

    pub fn boolean(&mut self, name: &str) -> Result<Option<bool>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Bool(value)) => Ok(Some(value)),
            Some(other) => Err(wrong_type(name, "a boolean", &other)),
        }
    }

    pub fn integer(&mut self, name: &str) -> Result<Option<i32>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Number(number)) => {
                let plain = number
                    .to_decimal()
                    .map(|decimal: Decimal| decimal.to_plain());
                let integer = plain.ok().and_then(|plain| plain.parse().ok());
                integer
                    .map(Some)
                    .ok_or_else(|| invalid(format!("{name} must be a 32-bit integer")))
            }
            Some(other) => Err(wrong_type(name, "an integer", &other)),
        }
    }

    /// A map by name, of whatever JSON.
    pub fn map(&mut self, name: &str) -> Result<Option<BTreeMap<String, Json>>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Object(members)) => Ok(Some(members)),
            Some(other) => Err(wrong_type(name, "an object", &other)),
        }
    }

    /// Attributes by name, none of them bookkeeping.
    pub fn item(&mut self, name: &str) -> Result<Option<Item>, Problem> {
        let Some(members) = self.map(name)? else {
            return Ok(None);
        };
        members
            .keys()
            .try_for_each(|attribute| check_attribute(attribute))?;
        let mut violations = Violations::default();
        let item = to_item(
            &members,
            &Pointer::Member(&Pointer::Base(""), name),
            0,
            usize::MAX,
            &mut violations,
        );
        exact(violations).map(|()| Some(item))
    }

    /// The same, where the call can't do without.
    pub fn required_item(&mut self, name: &str) -> Result<Item, Problem> {
        self.item(name)?
            .ok_or_else(|| invalid(format!("the argument {name} is missing")))
    }

    /// Names of top-level attributes, none of them bookkeeping.
    pub fn attribute_names(&mut self, name: &str) -> Result<Option<Vec<String>>, Problem> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        let Json::Array(elements) = value else {
            return Err(wrong_type(name, "an array of strings", &value));
        };
        if elements.is_empty() {
            return Err(invalid(format!("{name} must not be empty")));
        }
        let attribute = |element| match element {
            Json::String(attribute) => check_attribute(&attribute).map(|()| attribute),
            other => Err(wrong_type(name, "an array of strings", &other)),
        };
        elements
            .into_iter()
            .map(attribute)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// `ExpressionAttributeNames`: no placeholder may stand for bookkeeping.
    pub fn names(&mut self) -> Result<Option<HashMap<String, String>>, Problem> {
        const NAME: &str = "ExpressionAttributeNames";
        let Some(members) = self.map(NAME)? else {
            return Ok(None);
        };
        if members.is_empty() {
            return Err(invalid(format!("{NAME} must not be empty")));
        }
        let name = |(placeholder, value)| match value {
            Json::String(attribute) => {
                check_attribute(&attribute).map(|()| (placeholder, attribute))
            }
            other => Err(wrong_type(NAME, "an object of strings", &other)),
        };
        members
            .into_iter()
            .map(name)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// `ExpressionAttributeValues`.
    pub fn values(&mut self) -> Result<Option<HashMap<String, AttributeValue>>, Problem> {
        const NAME: &str = "ExpressionAttributeValues";
        let Some(members) = self.map(NAME)? else {
            return Ok(None);
        };
        if members.is_empty() {
            return Err(invalid(format!("{NAME} must not be empty")));
        }
        let mut violations = Violations::default();
        let values = to_item(
            &members,
            &Pointer::Member(&Pointer::Base(""), NAME),
            0,
            usize::MAX,
            &mut violations,
        );
        exact(violations).map(|()| Some(values))
    }

    /// Nothing may be left.
    pub fn finish(self) -> Result<(), Problem> {
        match self.members.into_keys().next() {
            None => Ok(()),
            Some(unknown) => Err(invalid(format!(
                "the payload has an unknown argument: {}",
                quoted(&unknown)
            ))),
        }
    }
}

/// One attribute value of a legacy argument.
pub fn attribute_value(value: &Json, pointer: &str) -> Result<AttributeValue, Problem> {
    let mut violations = Violations::default();
    let attribute = to_attribute(
        value,
        &Pointer::Base(pointer),
        0,
        usize::MAX,
        &mut violations,
    );
    exact(violations).map(|()| attribute)
}

/// A top-level attribute that a client may name.
pub fn check_attribute(name: &str) -> Result<(), Problem> {
    if is_bookkeeping(name) {
        return Err(invalid(format!(
            "the attribute {name} is reserved for the service's own bookkeeping"
        )));
    }
    let mut violations = Violations::default();
    check_name(name, &Pointer::Base("an attribute"), &mut violations);
    exact(violations)
}

pub fn invalid(detail: impl Into<String>) -> Problem {
    Problem::InvalidRequest(detail.into())
}

pub fn wrong_type(name: &str, expected: &str, value: &Json) -> Problem {
    invalid(format!("{name} must be {expected}, not {}", value.kind()))
}

/// The first of the violations, as the one that DynamoDB would name.
fn exact(violations: Violations) -> Result<(), Problem> {
    match violations.into_list().into_iter().next() {
        None => Ok(()),
        Some(violation) => Err(invalid(
            format!("{} {}", violation.pointer, violation.detail)
                .trim()
                .to_owned(),
        )),
    }
}
