//! What is wrong with a request's content: every violation, each with the place it stands at.

use std::fmt;

/// How many violations an answer lists, and in how many bytes; what is beyond is counted in a last one. A body of
/// 1 MB can hold more than a Lambda answer of 6 MB could describe.
const MAX_LISTED: usize = 1_000;
const MAX_LISTED_BYTES: usize = 256 * 1_024;

/// A place in a request's body. It is written out, as a JSON Pointer (RFC 6901), only where something is wrong: a
/// long name that stands before a thousand elements is not copied for each of them.
#[derive(Clone, Copy, Debug)]
pub enum Pointer<'a> {
    /// What all the others begin with; the body itself is the empty one.
    Base(&'a str),
    Member(&'a Pointer<'a>, &'a str),
    Element(&'a Pointer<'a>, usize),
}

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base(text) => formatter.write_str(text),
            // RFC 6901 §3: a tilde and a slash are escaped.
            Self::Member(parent, name) => {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                write!(formatter, "{parent}/{escaped}")
            }
            Self::Element(parent, index) => write!(formatter, "{parent}/{index}"),
        }
    }
}

/// One violation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// A JSON Pointer (RFC 6901) into the request's body.
    pub pointer: String,
    /// What must hold there, in words.
    pub detail: String,
}

/// All violations of one request, in the order they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations {
    listed: Vec<Violation>,
    listed_bytes: usize,
    unlisted: usize,
}

impl Violations {
    /// A request with one violation.
    #[must_use]
    pub fn one(pointer: impl fmt::Display, detail: impl Into<String>) -> Self {
        let mut violations = Self::default();
        violations.add(pointer, detail);
        violations
    }

    /// Adds one, unless it stands in the list already.
    pub fn add(&mut self, pointer: impl fmt::Display, detail: impl Into<String>) {
        if self.listed.len() >= MAX_LISTED || self.listed_bytes >= MAX_LISTED_BYTES {
            self.unlisted += 1;
            return;
        }
        let violation = Violation {
            pointer: pointer.to_string(),
            detail: detail.into(),
        };
        if !self.listed.contains(&violation) {
            self.listed_bytes += violation.pointer.len() + violation.detail.len();
            self.listed.push(violation);
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// The violations to show, the count of those beyond the bound as the last one.
    #[must_use]
    pub fn into_list(mut self) -> Vec<Violation> {
        if self.unlisted > 0 {
            let detail = format!("and {} more violations", self.unlisted);
            self.listed.push(Violation {
                pointer: String::new(),
                detail,
            });
        }
        self.listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_escapes_slashes_and_tildes() {
        let a = Pointer::Member(&Pointer::Base(""), "a");
        let element = Pointer::Element(&a, 7);
        let member = Pointer::Member(&element, "b/c~d");
        assert_eq!(member.to_string(), "/a/7/b~1c~0d");
    }

    #[test]
    fn violations_beyond_the_bound_are_counted() {
        let mut violations = Violations::default();
        for index in 0..=MAX_LISTED {
            violations.add(format!("/{index}"), "wrong");
        }
        let list = violations.into_list();
        assert_eq!(list.len(), MAX_LISTED + 1);
        assert_eq!(list[MAX_LISTED].detail, "and 1 more violations");
    }

    #[test]
    fn long_pointers_do_not_add_up() {
        let mut violations = Violations::default();
        let name = "n".repeat(100_000);
        for index in 0..1_000 {
            let member = Pointer::Member(&Pointer::Base(""), &name);
            violations.add(Pointer::Element(&member, index), "wrong");
        }
        let list = violations.into_list();
        assert_eq!(list.len(), 4);
        assert_eq!(list[3].detail, "and 997 more violations");
    }

    #[test]
    fn the_same_is_said_once() {
        let mut violations = Violations::one("/id", "wrong");
        violations.add("/id", "wrong");
        assert_eq!(violations.into_list().len(), 1);
    }
}
