//! What is wrong with a request's content: every violation, each with the place it stands at.

use std::fmt::Write as _;

/// How many violations an answer lists; what is beyond is counted in a last one. A body of 1 MB can hold
/// more than a Lambda answer of 6 MB could describe.
const MAX_LISTED: usize = 1_000;

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
    unlisted: usize,
}

impl Violations {
    /// A request with one violation.
    #[must_use]
    pub fn one(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let mut violations = Self::default();
        violations.add(pointer, detail);
        violations
    }

    pub fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        if self.listed.len() < MAX_LISTED {
            self.listed.push(Violation {
                pointer: pointer.into(),
                detail: detail.into(),
            });
        } else {
            self.unlisted += 1;
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// The violations to show, the count of those beyond [`MAX_LISTED`] as the last one.
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

/// `pointer` extended by one member or element, escaped as RFC 6901 §3 says.
#[must_use]
pub fn pointer_to(pointer: &str, member: &str) -> String {
    let mut extended = String::with_capacity(pointer.len() + member.len() + 1);
    let _ = write!(
        extended,
        "{pointer}/{}",
        member.replace('~', "~0").replace('/', "~1")
    );
    extended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_escapes_slashes_and_tildes() {
        assert_eq!(pointer_to("/a", "b/c~d"), "/a/b~1c~0d");
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
}
