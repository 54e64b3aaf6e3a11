//! Clients' expressions: looked through for bookkeeping, and joined with the service's own clauses.
//!
//! An expression is split into tokens and never evaluated: DynamoDB does that. What is added keeps the client's
//! meaning, and keeps what was malformed malformed.

use std::collections::HashMap;

use crate::item::{AttributeValue, Item, is_bookkeeping};
use crate::problem::Problem;

use super::arguments::{Arguments, invalid};

/// DynamoDB's limits for one expression
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
const MAX_EXPRESSION_BYTES: usize = 4_096;
const MAX_OPERATORS: usize = 300;

/// The placeholders of a call, the client's and the service's.
#[derive(Clone, Debug, Default)]
pub struct Placeholders {
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
    /// The client's expressions: no placeholder of ours may stand in them, or a client that wrote it would
    /// reach what it stands for.
    texts: Vec<String>,
    /// The client gave some.
    given: bool,
    /// Some of ours stand for what the older `Expected` names.
    for_expected: bool,
}

impl Placeholders {
    pub fn take(arguments: &mut Arguments) -> Result<Self, Problem> {
        let (names, values) = (arguments.names()?, arguments.values()?);
        let given = names.is_some() || values.is_some();
        Ok(Self {
            names: names.unwrap_or_default(),
            values: values.unwrap_or_default(),
            given,
            ..Self::default()
        })
    }

    pub fn has_expressions(&self) -> bool {
        !self.texts.is_empty()
    }

    pub fn has_expected(&self) -> bool {
        self.for_expected
    }

    pub fn mark_expected(&mut self) {
        self.for_expected = true;
    }

    /// One of the client's expressions, checked.
    pub fn expression(
        &mut self,
        arguments: &mut Arguments,
        name: &str,
    ) -> Result<Option<String>, Problem> {
        let Some(text) = arguments.string(name)? else {
            return Ok(None);
        };
        check(&text, name)?;
        self.texts.push(text.clone());
        Ok(Some(text))
    }

    /// Placeholders without an expression are an error, and would be none once ours is there.
    pub fn check_use(&self) -> Result<(), Problem> {
        if self.given && self.texts.is_empty() {
            let detail = "ExpressionAttributeNames and ExpressionAttributeValues can only be specified when using expressions";
            return Err(invalid(detail));
        }
        Ok(())
    }

    /// A new placeholder for an attribute.
    pub fn name(&mut self, attribute: &str) -> String {
        let placeholder = self.unused('#', |this, placeholder| {
            this.names.contains_key(placeholder)
        });
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    /// A new placeholder for a value.
    pub fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = self.unused(':', |this, placeholder| {
            this.values.contains_key(placeholder)
        });
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    fn unused(&self, sigil: char, is_taken: impl Fn(&Self, &str) -> bool) -> String {
        let mut number = 0;
        loop {
            let placeholder = format!("{sigil}o{number}");
            let is_in_text = self.texts.iter().any(|text| text.contains(&placeholder));
            if !is_in_text && !is_taken(self, &placeholder) {
                return placeholder;
            }
            number += 1;
        }
    }

    /// What an attribute is called by this token of an expression.
    pub fn attribute<'a>(&'a self, token: &'a str) -> Option<&'a str> {
        if token.starts_with('#') {
            self.names.get(token).map(String::as_str)
        } else {
            Some(token)
        }
    }

    /// What a value is by this token of an expression.
    pub fn attribute_value(&self, token: &str) -> Option<&AttributeValue> {
        self.values.get(token)
    }

    /// The maps for the request; none where they are empty, because DynamoDB refuses that.
    pub fn into_maps(self) -> (Option<HashMap<String, String>>, Option<Item>) {
        let Self { names, values, .. } = self;
        (
            (!names.is_empty()).then_some(names),
            (!values.is_empty()).then_some(values),
        )
    }
}

/// A condition that holds where both do.
pub fn both(client: Option<String>, own: &str) -> Result<String, Problem> {
    let joined = match client {
        None => own.to_owned(),
        // DynamoDB refuses redundant parentheses: only an OR that stands outside of any needs them.
        Some(client) if has_outer_or(&client) => format!("({client}) AND {own}"),
        Some(client) => format!("{client} AND {own}"),
    };
    check_limits(joined, "ConditionExpression")
}

/// An update that does what the client's does and these assignments too.
///
/// They go behind the client's `SET`, or in one of their own at the end: in both places a complete list of
/// actions must stand beside them, so that no malformed expression becomes a right one.
pub fn with_assignments(client: Option<String>, assignments: &str) -> Result<String, Problem> {
    let joined = match client {
        None => format!("SET {assignments}"),
        Some(client) => match set_keyword_end(&client) {
            Some(end) => format!("{} {assignments}, {}", &client[..end], &client[end..]),
            None => format!("{client} SET {assignments}"),
        },
    };
    check_limits(joined, "UpdateExpression")
}

/// Where the section `SET` begins its actions. `SET` is a reserved word, so that nothing else is written like it
/// but a member of a path.
fn set_keyword_end(text: &str) -> Option<usize> {
    let tokens = tokens(text);
    let is_set = |index: usize| {
        tokens[index].text.eq_ignore_ascii_case("SET") && !follows_dot(&tokens, index)
    };
    (0..tokens.len())
        .find(|index| is_set(*index))
        .map(|index| tokens[index].end)
}

fn has_outer_or(text: &str) -> bool {
    let mut depth = 0_i32;
    for token in tokens(text) {
        match token.text {
            "(" => depth += 1,
            ")" => depth -= 1,
            word if depth == 0 && word.eq_ignore_ascii_case("OR") => return true,
            _ => {}
        }
    }
    false
}

/// An expression must not be empty, must not name bookkeeping, and must close what it opens: joined with ours,
/// `a = :b) OR (c = :d` would become right and mean something else.
fn check(text: &str, name: &str) -> Result<(), Problem> {
    let tokens = tokens(text);
    if tokens.is_empty() {
        return Err(invalid(format!(
            "Invalid {name}: The expression can not be empty;"
        )));
    }
    let mut depth = 0_i32;
    for (index, token) in tokens.iter().enumerate() {
        if is_bookkeeping(token.text) && !follows_dot(&tokens, index) {
            let detail = format!(
                "Invalid {name}: the attribute {} is reserved for the service's own bookkeeping",
                token.text
            );
            return Err(invalid(detail));
        }
        depth += i32::from(token.text == "(") - i32::from(token.text == ")");
        if depth < 0 {
            break;
        }
    }
    if depth != 0 {
        return Err(invalid(format!(
            "Invalid {name}: Syntax error; unbalanced parentheses"
        )));
    }
    Ok(())
}

fn check_limits(joined: String, name: &str) -> Result<String, Problem> {
    if joined.len() > MAX_EXPRESSION_BYTES {
        let detail = format!(
            "Invalid {name}: with the service's own clause it has {} bytes, and DynamoDB takes 4096",
            joined.len()
        );
        return Err(invalid(detail));
    }
    let operators = count_operators(&joined, name == "UpdateExpression");
    if operators > MAX_OPERATORS {
        let detail = format!(
            "Invalid {name}: with the service's own clause it has {operators} operators, and DynamoDB takes 300"
        );
        return Err(invalid(detail));
    }
    Ok(joined)
}

/// Comparisons, logical operators, additions and functions; the `=` of an assignment is none, and `BETWEEN` is one
/// with its `AND`.
fn count_operators(text: &str, is_update: bool) -> usize {
    const WORDS: [&str; 5] = ["AND", "OR", "NOT", "BETWEEN", "IN"];
    let tokens = tokens(text);
    let is = |index: usize, word: &str| tokens[index].text.eq_ignore_ascii_case(word);
    let is_function = |index: usize| {
        let begins_as_a_name = tokens[index]
            .text
            .starts_with(|first: char| first.is_ascii_alphabetic());
        begins_as_a_name && tokens.get(index + 1).is_some_and(|next| next.text == "(")
    };
    let is_operator = |index: usize| match tokens[index].text {
        "=" => !is_update,
        "<" | ">" | "<=" | ">=" | "<>" | "+" | "-" => true,
        _ => WORDS.iter().any(|word| is(index, word)) || is_function(index),
    };
    let operators = (0..tokens.len())
        .filter(|index| is_operator(*index))
        .count();
    let betweens = (0..tokens.len())
        .filter(|index| is(*index, "BETWEEN"))
        .count();
    operators - betweens.min(operators)
}

fn follows_dot(tokens: &[Token], index: usize) -> bool {
    index
        .checked_sub(1)
        .is_some_and(|before| tokens[before].text == ".")
}

/// A word, a placeholder, a number or a symbol, and where it ends.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    pub text: &'a str,
    end: usize,
}

/// The tokens of an expression; white space stands between them and is none.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' | ':' => 1 + rest[1..].find(|c| !is_word(c)).unwrap_or(rest.len() - 1),
            _ if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            '<' if rest.starts_with("<=") || rest.starts_with("<>") => 2,
            '>' if rest.starts_with(">=") => 2,
            _ => first.len_utf8(),
        };
        let end = text.len() - rest.len() + length;
        if !first.is_whitespace() {
            tokens.push(Token {
                text: &rest[..length],
                end,
            });
        }
        rest = &rest[length..];
    }
    tokens
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("SET a = :a", "SET #r = :r,  a = :a")]
    #[case("remove b set a = :a", "remove b set #r = :r,  a = :a")]
    #[case("REMOVE b", "REMOVE b SET #r = :r")]
    #[case("ADD n :one DELETE s :t", "ADD n :one DELETE s :t SET #r = :r")]
    #[case("REMOVE a.set", "REMOVE a.set SET #r = :r")]
    #[case("REMOVE #set", "REMOVE #set SET #r = :r")]
    fn our_assignments_join_the_clients_update(#[case] client: &str, #[case] joined: &str) {
        assert_eq!(
            with_assignments(Some(client.to_owned()), "#r = :r").unwrap(),
            joined
        );
    }

    #[rstest]
    #[case("a = :a", "a = :a AND NOT #r = :r")]
    #[case("a = :a OR b = :b", "(a = :a OR b = :b) AND NOT #r = :r")]
    #[case("(a = :a or b = :b)", "(a = :a or b = :b) AND NOT #r = :r")]
    #[case("a BETWEEN :a AND :b", "a BETWEEN :a AND :b AND NOT #r = :r")]
    fn our_condition_joins_the_clients(#[case] client: &str, #[case] joined: &str) {
        assert_eq!(
            both(Some(client.to_owned()), "NOT #r = :r").unwrap(),
            joined
        );
    }

    #[rstest]
    #[case("")]
    #[case(" \n")]
    #[case("_rev = :a")]
    #[case("attribute_exists(_shard)")]
    #[case("a = :b) OR (c = :d")]
    #[case("(a = :b")]
    fn an_expression_we_can_not_join_is_refused(#[case] client: &str) {
        assert!(check(client, "ConditionExpression").is_err());
    }

    #[rstest]
    #[case("meta._rev = :a")]
    #[case("meta . _shard = :a")]
    #[case("my_rev = :_rev")]
    fn what_only_looks_like_bookkeeping_is_the_clients_own(#[case] client: &str) {
        assert!(check(client, "ConditionExpression").is_ok());
    }

    #[test]
    fn a_placeholder_of_ours_is_never_one_of_the_clients() {
        let mut placeholders = Placeholders {
            names: [("#o0".to_owned(), "a".to_owned())].into(),
            texts: vec!["#o0 = :o1 AND #o1 = :o0".to_owned()],
            ..Placeholders::default()
        };
        assert_eq!(placeholders.name("_rev"), "#o2");
        assert_eq!(placeholders.value(AttributeValue::Null(true)), ":o2");
    }

    #[test]
    fn the_limits_count_with_our_clause() {
        let long = format!("a = :{}", "a".repeat(4_075));
        assert!(both(Some(long.clone()), "NOT #r = :r").is_ok());
        assert!(both(Some(format!("{long}a")), "NOT #r = :r").is_err());
        let many = vec!["a=:a"; 150].join(" AND ");
        assert!(both(Some(many.clone()), "b").is_ok());
        assert!(both(Some(many), "NOT #r = :r").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_split_into_tokens_that_lose_nothing(text in ".{0,60}") {
            let joined: String = tokens(&text).iter().map(|token| token.text).collect();
            let expected: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            prop_assert_eq!(joined, expected);
        }
    }
}
