//! The older arguments `Expected` and `AttributeUpdates`, brought into the form of expressions, so that the
//! service's clauses have one place to go to.
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.html>)

use std::collections::BTreeMap;

use crate::item::AttributeValue;
use crate::json::{Json, quoted};
use crate::problem::Problem;

use super::arguments::{Arguments, attribute_value, check_attribute, invalid, wrong_type};
use super::expression::Placeholders;

/// The condition that `Expected` and `ConditionalOperator` are.
pub fn expected(
    arguments: &mut Arguments,
    placeholders: &mut Placeholders,
) -> Result<Option<String>, Problem> {
    let operator = arguments.string("ConditionalOperator")?;
    let Some(expected) = arguments.map("Expected")? else {
        return match operator {
            None => Ok(None),
            Some(_) => Err(invalid(
                "ConditionalOperator cannot be used without Expected",
            )),
        };
    };
    let joiner = match operator.as_deref() {
        None | Some("AND") => " AND ",
        Some("OR") => " OR ",
        Some(_) => return Err(invalid("ConditionalOperator must be AND or OR")),
    };
    if operator.is_some() && expected.len() < 2 {
        let detail =
            "ConditionalOperator can only be used when Filter or Expected has two or more elements";
        return Err(invalid(detail));
    }
    placeholders.mark_expected();
    if expected.is_empty() {
        return Ok(None);
    }
    let mut parts = Vec::with_capacity(expected.len());
    for (attribute, condition) in expected {
        check_attribute(&attribute)?;
        let Json::Object(condition) = condition else {
            return Err(wrong_type(
                "each member of Expected",
                "an object",
                &condition,
            ));
        };
        parts.push(one_condition(&attribute, condition, placeholders)?);
    }
    Ok(Some(parts.join(joiner)))
}

fn one_condition(
    attribute: &str,
    condition: BTreeMap<String, Json>,
    placeholders: &mut Placeholders,
) -> Result<String, Problem> {
    let mut condition = Arguments::new(condition);
    let pointer = format!("/Expected/{attribute}");
    let refuse = |detail: &str| {
        invalid(format!(
            "One or more parameter values were invalid: {detail} for Attribute: {attribute}"
        ))
    };
    let operator = condition.string("ComparisonOperator")?;
    let exists = condition.boolean("Exists")?;
    let value = condition
        .take("Value")
        .map(|value| attribute_value(&value, &pointer))
        .transpose()?;
    let list = match condition.take("AttributeValueList") {
        None => None,
        Some(Json::Array(elements)) => {
            let values = elements
                .iter()
                .map(|element| attribute_value(element, &pointer));
            Some(values.collect::<Result<Vec<_>, _>>()?)
        }
        Some(other) => return Err(wrong_type("AttributeValueList", "an array", &other)),
    };
    condition.finish()?;
    let name = placeholders.name(attribute);
    let Some(operator) = operator else {
        return match (exists, value, list) {
            (_, _, Some(_)) => Err(refuse(
                "AttributeValueList can only be used with a ComparisonOperator",
            )),
            (Some(false), None, None) => Ok(format!("attribute_not_exists({name})")),
            (Some(false), Some(_), None) => {
                Err(refuse("Value cannot be used when Exists is set to false"))
            }
            (None | Some(true), Some(value), None) => {
                Ok(format!("{name} = {}", placeholders.value(value)))
            }
            (_, None, None) => Err(refuse("Value must be provided when Exists is true")),
        };
    };
    if exists.is_some() {
        return Err(refuse(
            "Exists and ComparisonOperator cannot be used together",
        ));
    }
    let operands = match (value, list) {
        (Some(_), Some(_)) => {
            return Err(refuse(
                "Value and AttributeValueList cannot be used together",
            ));
        }
        (Some(value), None) => vec![value],
        (None, list) => list.unwrap_or_default(),
    };
    if operator == "IN" {
        check_members(&operands).map_err(&refuse)?;
    }
    let operands: Vec<_> = operands
        .into_iter()
        .map(|operand| placeholders.value(operand))
        .collect();
    comparison(&operator, &name, &operands).ok_or_else(|| {
        refuse(&format!(
            "Invalid ComparisonOperator, or number of arguments, {}",
            quoted(&operator)
        ))
    })
}

/// `IN` compares with strings or numbers (binary has no JSON), all of one type.
fn check_members(operands: &[AttributeValue]) -> Result<(), &'static str> {
    let all = |is: fn(&AttributeValue) -> bool| operands.iter().all(is);
    let scalar = |operand: &AttributeValue| operand.is_s() || operand.is_n();
    if !all(scalar) {
        Err("ComparisonOperator IN is not valid for the type of an AttributeValue")
    } else if all(AttributeValue::is_s) || all(AttributeValue::is_n) {
        Ok(())
    } else {
        Err("AttributeValues inside AttributeValueList must be of same type")
    }
}

/// `None` for an unknown operator, or the wrong number of operands.
fn comparison(operator: &str, name: &str, operands: &[String]) -> Option<String> {
    Some(match (operator, operands) {
        ("EQ", [value]) => format!("{name} = {value}"),
        ("NE", [value]) => format!("{name} <> {value}"),
        ("LE", [value]) => format!("{name} <= {value}"),
        ("LT", [value]) => format!("{name} < {value}"),
        ("GE", [value]) => format!("{name} >= {value}"),
        ("GT", [value]) => format!("{name} > {value}"),
        ("CONTAINS", [value]) => format!("contains({name}, {value})"),
        ("NOT_CONTAINS", [value]) => format!("NOT contains({name}, {value})"),
        ("BEGINS_WITH", [value]) => format!("begins_with({name}, {value})"),
        ("BETWEEN", [low, high]) => format!("{name} BETWEEN {low} AND {high}"),
        ("IN", [_, ..]) => format!("{name} IN ({})", operands.join(", ")),
        ("NULL", []) => format!("attribute_not_exists({name})"),
        ("NOT_NULL", []) => format!("attribute_exists({name})"),
        _ => return None,
    })
}

/// What `AttributeUpdates` are as an update.
pub struct Updates {
    /// `None` where there are none at all.
    pub expression: Option<String>,
    /// There is nothing but attributes to remove: DynamoDB makes no item for that.
    pub only_deletes: bool,
}

/// The update that `AttributeUpdates` are.
pub fn attribute_updates(
    updates: BTreeMap<String, Json>,
    placeholders: &mut Placeholders,
) -> Result<Updates, Problem> {
    let mut sections: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut only_deletes = !updates.is_empty();
    for (attribute, update) in updates {
        check_attribute(&attribute)?;
        let Json::Object(update) = update else {
            return Err(wrong_type(
                "each member of AttributeUpdates",
                "an object",
                &update,
            ));
        };
        let mut update = Arguments::new(update);
        let action = update.string("Action")?;
        let pointer = format!("/AttributeUpdates/{attribute}");
        let value = update
            .take("Value")
            .map(|value| attribute_value(&value, &pointer))
            .transpose()?;
        update.finish()?;
        let name = placeholders.name(&attribute);
        let action = action.as_deref().unwrap_or("PUT");
        only_deletes &= action == "DELETE";
        let (section, text) = match (action, value) {
            ("PUT", Some(value)) => ("SET", format!("{name} = {}", placeholders.value(value))),
            // What an expression's ADD does not do: a list is appended.
            ("ADD", Some(list @ AttributeValue::L(_))) => {
                let (empty, list) = (
                    placeholders.value(AttributeValue::L(Vec::new())),
                    placeholders.value(list),
                );
                let text = format!("{name} = list_append(if_not_exists({name}, {empty}), {list})");
                ("SET", text)
            }
            ("ADD", Some(value)) => ("ADD", format!("{name} {}", placeholders.value(value))),
            ("DELETE", Some(value)) => ("DELETE", format!("{name} {}", placeholders.value(value))),
            ("DELETE", None) => ("REMOVE", name),
            ("PUT" | "ADD", None) => {
                let detail = "One or more parameter values were invalid: Only DELETE action is allowed when no attribute value is specified";
                return Err(invalid(detail));
            }
            (other, _) => {
                return Err(invalid(format!(
                    "Action must be PUT, ADD or DELETE, not {}",
                    quoted(other)
                )));
            }
        };
        sections.entry(section).or_default().push(text);
    }
    let sections: Vec<_> = sections
        .into_iter()
        .map(|(section, parts)| format!("{section} {}", parts.join(", ")))
        .collect();
    Ok(Updates {
        expression: (!sections.is_empty()).then(|| sections.join(" ")),
        only_deletes,
    })
}
