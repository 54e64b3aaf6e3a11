//! The paths that an `UpdateExpression` gives values to, and what stands at them in an item.

use crate::item::{AttributeValue, Item};

use super::expression::{Placeholders, Token, tokens};

/// A document path: an attribute, then members and elements in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Path {
    attribute: String,
    inside: Vec<Step>,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Element(usize),
}

/// A path that is given a value, and the token of the value where it is a placeholder alone.
#[derive(Debug)]
pub struct Assignment<'a> {
    pub path: Path,
    pub value: Option<&'a str>,
}

impl Path {
    /// The attribute, where the path is nothing but one.
    pub fn as_attribute(&self) -> Option<&str> {
        self.inside.is_empty().then_some(&self.attribute)
    }
}

/// What the sections SET, ADD and DELETE of an expression give values to.
pub fn assignments<'a>(expression: &'a str, placeholders: &Placeholders) -> Vec<Assignment<'a>> {
    let tokens = tokens(expression);
    let mut assignments = Vec::new();
    let mut section = "";
    let mut index = 0;
    let mut depth = 0;
    // An action begins behind a section's keyword and behind each comma outside of parentheses.
    let mut begins_action = false;
    while let Some(token) = tokens.get(index) {
        match (token.text, keyword(&tokens, index)) {
            (_, Some(keyword)) => {
                section = keyword;
                begins_action = true;
            }
            ("(", _) => depth += 1,
            (")", _) => depth -= 1,
            (",", _) if depth == 0 => begins_action = true,
            _ if begins_action => {
                let (path, length) = path(&tokens[index..], placeholders);
                index += length.max(1);
                begins_action = false;
                if let Some(path) = path.filter(|_| section != "REMOVE") {
                    assignments.push(Assignment {
                        path,
                        value: lone_value(&tokens[index..]),
                    });
                }
                continue;
            }
            _ => {}
        }
        index += 1;
    }
    assignments
}

/// What the item has at these paths, in the shape of `UPDATED_NEW`: members in their maps, elements in lists
/// of their own.
pub fn project(item: &Item, paths: &[Path]) -> Item {
    let mut projected = Item::new();
    for path in paths {
        if let Some(value) = item
            .get(&path.attribute)
            .and_then(|value| at(value, &path.inside))
        {
            match projected.get_mut(&path.attribute) {
                Some(present) => merge(present, value),
                None => drop(projected.insert(path.attribute.clone(), value)),
            }
        }
    }
    projected
}

fn keyword(tokens: &[Token<'_>], index: usize) -> Option<&'static str> {
    let follows_dot = index > 0 && tokens[index - 1].text == ".";
    let is = |word: &&&str| tokens[index].text.eq_ignore_ascii_case(word);
    ["SET", "REMOVE", "ADD", "DELETE"]
        .iter()
        .find(is)
        .copied()
        .filter(|_| !follows_dot)
}

/// The path that the tokens begin with, and how many of them it takes.
fn path(tokens: &[Token<'_>], placeholders: &Placeholders) -> (Option<Path>, usize) {
    let text = |index: usize| tokens.get(index).map_or("", |token| token.text);
    let name = |index: usize| {
        let token = tokens.get(index)?.text;
        let is_name = token.starts_with(|first: char| {
            first == '#' || first == '_' || first.is_ascii_alphanumeric()
        });
        let name = placeholders.attribute(token).filter(|_| is_name)?;
        Some(name.to_owned())
    };
    let Some(attribute) = name(0) else {
        return (None, 1);
    };
    let mut path = Path {
        attribute,
        inside: Vec::new(),
    };
    let mut length = 1;
    loop {
        match text(length) {
            "." => {
                let Some(member) = name(length + 1) else {
                    return (None, length);
                };
                path.inside.push(Step::Member(member));
                length += 2;
            }
            "[" => {
                let (Ok(element), "]") = (text(length + 1).parse(), text(length + 2)) else {
                    return (None, length);
                };
                path.inside.push(Step::Element(element));
                length += 3;
            }
            _ => return (Some(path), length),
        }
    }
}

/// The value behind a path, `= :value` or `:value`, where nothing else belongs to it.
fn lone_value<'a>(tokens: &[Token<'a>]) -> Option<&'a str> {
    let rest = if tokens.first().is_some_and(|token| token.text == "=") {
        &tokens[1..]
    } else {
        tokens
    };
    let value = rest.first().filter(|token| token.text.starts_with(':'))?;
    let ends = |index: usize| rest[index].text == "," || keyword(rest, index).is_some();
    (rest.len() == 1 || ends(1)).then_some(value.text)
}

fn at(value: &AttributeValue, inside: &[Step]) -> Option<AttributeValue> {
    let Some((step, rest)) = inside.split_first() else {
        return Some(value.clone());
    };
    match (step, value) {
        (Step::Member(name), AttributeValue::M(members)) => {
            let member = at(members.get(name)?, rest)?;
            Some(AttributeValue::M([(name.clone(), member)].into()))
        }
        (Step::Element(index), AttributeValue::L(elements)) => {
            Some(AttributeValue::L(vec![at(elements.get(*index)?, rest)?]))
        }
        _ => None,
    }
}

fn merge(present: &mut AttributeValue, other: AttributeValue) {
    match (present, other) {
        (AttributeValue::M(members), AttributeValue::M(others)) => {
            for (name, value) in others {
                match members.get_mut(&name) {
                    Some(present) => merge(present, value),
                    None => drop(members.insert(name, value)),
                }
            }
        }
        (AttributeValue::L(elements), AttributeValue::L(others)) => elements.extend(others),
        (present, other) => *present = other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(expression: &str) -> Vec<(String, Option<&str>)> {
        let show = |path: &Path| {
            path.inside
                .iter()
                .fold(path.attribute.clone(), |text, step| match step {
                    Step::Member(name) => format!("{text}.{name}"),
                    Step::Element(index) => format!("{text}[{index}]"),
                })
        };
        let assignments = assignments(expression, &Placeholders::default());
        assignments
            .into_iter()
            .map(|assignment| (show(&assignment.path), assignment.value))
            .collect()
    }

    #[test]
    fn every_path_that_gets_a_value_is_found() {
        let found = read(
            "set a = :a, b.c[2].d = if_not_exists(e, :f) + :g REMOVE h, i.j ADD n :one delete t :t",
        );
        let expected = [
            ("a", Some(":a")),
            ("b.c[2].d", None),
            ("n", Some(":one")),
            ("t", Some(":t")),
        ];
        assert_eq!(
            found,
            expected.map(|(path, value)| (path.to_owned(), value))
        );
    }

    proptest! {
        /// Whatever a client writes is looked through to its end: DynamoDB says what is wrong with it.
        #[test]
        fn any_expression_is_read(words in prop::collection::vec(
            prop::sample::select(vec!["SET", "remove", "ADD", "DELETE", "a", "#n", ":v", ".", "[", "]", "0", "=", ",", "(", ")", "+", "é", "\0"]),
            0..12,
        )) {
            assignments(&words.join(" "), &Placeholders::default());
            assignments(&words.concat(), &Placeholders::default());
        }
    }

    #[test]
    fn what_stands_at_the_paths_is_shown_in_its_place() {
        let number = |n: &str| AttributeValue::N(n.to_owned());
        let inner = [
            (
                "c".to_owned(),
                AttributeValue::L(vec![number("1"), number("2")]),
            ),
            ("x".to_owned(), number("9")),
        ];
        let item = Item::from([
            ("a".to_owned(), number("1")),
            ("b".to_owned(), AttributeValue::M(inner.into())),
        ]);
        let found = assignments("SET a = :a, b.c[1] = :c, z = :z", &Placeholders::default());
        let paths: Vec<_> = found
            .into_iter()
            .map(|assignment| assignment.path)
            .collect();
        let shown = [("c".to_owned(), AttributeValue::L(vec![number("2")]))];
        let expected = Item::from([
            ("a".to_owned(), number("1")),
            ("b".to_owned(), AttributeValue::M(shown.into())),
        ]);
        assert_eq!(project(&item, &paths), expected);
    }
}
