//! What concurrent clients are answered about one order is what some order of their requests, one after the other, would
//! have been answered (linearizability; Herlihy and Wing, 1990). The search is that of Wing and Gong (1993).

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use proptest::prelude::*;
use tests::Backend::{Lambda, Local};
use tests::{Answer, Backend, Service, cases, order, run};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Request {
    Get,
    Put,
    Patch,
    DeepPatch,
    Delete,
}

/// A request, when it was sent and answered, the tag that it was conditional on, and what came.
#[derive(Clone, Debug)]
struct Operation {
    request: Request,
    if_match: Option<String>,
    sent: usize,
    answered: usize,
    status: u16,
    tag: Option<String>,
}

/// The order's tag; none where there is no order. Every write has a tag of its own, so that nothing else is needed to
/// tell which one a reader has seen.
type State = Option<String>;

impl Operation {
    /// The state after this operation, if it can have been answered so in this state.
    fn apply(&self, state: &State) -> Option<State> {
        let holds = match (&self.if_match, state) {
            (Some(tag), Some(current)) => tag == current,
            (Some(_), None) => false,
            (None, _) => true,
        };
        let unchanged = || Some(state.clone());
        let possible = match (self.request, self.status) {
            (Request::Get, 200) => return (self.tag == *state).then(unchanged)?,
            (Request::Put, 201) => state.is_none() && holds,
            (Request::Put | Request::Patch | Request::DeepPatch, 200) | (Request::Delete, 204) => {
                state.is_some() && holds
            }
            (Request::Get | Request::Patch | Request::DeepPatch | Request::Delete, 404) => {
                return state.is_none().then(unchanged)?;
            }
            // The tag that the answer carries is the order's at that moment.
            (_, 412) => return (!holds && self.tag == *state).then(unchanged)?,
            // The writers kept colliding: nothing was done.
            (Request::DeepPatch, 409) => return unchanged(),
            _ => false,
        };
        possible.then(|| match self.request {
            Request::Delete => None,
            _ => self.tag.clone(),
        })
    }
}

/// Whether the operations can be put in a row: each between its sending and its answer, each answered rightly.
fn is_linearizable(operations: &[Operation]) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![(0_u64, None::<String>)];
    let all = (1_u64 << operations.len()) - 1;
    while let Some((done, state)) = open.pop() {
        if done == all {
            return true;
        }
        if !seen.insert((done, state.clone())) {
            continue;
        }
        let left = || (0..operations.len()).filter(|index| done & (1 << index) == 0);
        // Whatever was sent after another was answered comes after it.
        let first_answer = left().map(|index| operations[index].answered).min();
        for index in left() {
            let operation = &operations[index];
            if Some(operation.sent) < first_answer
                && let Some(next) = operation.apply(&state)
            {
                open.push((done | (1 << index), next));
            }
        }
    }
    false
}

async fn send(service: &Service, request: Request, if_match: Option<&str>, n: usize) -> Answer {
    let call = match request {
        Request::Get => service.get("/orders/a"),
        Request::Put => service.put("/orders/a", order("a", &format!("\"n\":{n}"))),
        Request::Patch => service.patch("/orders/a", format!("{{\"n\":{n}}}")),
        Request::DeepPatch => service.patch("/orders/a", format!("{{\"to\":{{\"n\":{n}}}}}")),
        Request::Delete => service.delete("/orders/a"),
    };
    match if_match {
        Some(tag) => call.if_match(tag).await,
        None => call.await,
    }
}

/// Each client sends its requests one after the other, conditional ones with the last tag that it has seen.
async fn history(service: &Service, clients: Vec<Vec<(Request, bool)>>) -> Vec<Operation> {
    let clock = AtomicUsize::new(0);
    let operations = Mutex::new(Vec::new());
    let client = async |number: usize, requests: Vec<(Request, bool)>| {
        let mut last_tag: Option<String> = None;
        for (index, (request, conditional)) in requests.into_iter().enumerate() {
            let takes_one = request != Request::Get;
            let if_match = last_tag.clone().filter(|_| conditional && takes_one);
            let sent = clock.fetch_add(1, Ordering::SeqCst);
            let answer = send(service, request, if_match.as_deref(), number * 100 + index).await;
            let answered = clock.fetch_add(1, Ordering::SeqCst);
            let tag = answer.find_header("etag").map(str::to_owned);
            if tag.is_some() {
                last_tag.clone_from(&tag);
            }
            operations.lock().unwrap().push(Operation {
                request,
                if_match,
                sent,
                answered,
                status: answer.status,
                tag,
            });
        }
    };
    join_all(
        clients
            .into_iter()
            .enumerate()
            .map(|(number, requests)| client(number, requests)),
    )
    .await;
    operations.into_inner().unwrap()
}

fn request() -> impl Strategy<Value = (Request, bool)> {
    use Request::{DeepPatch, Delete, Get, Patch, Put};
    let request = prop::sample::select(vec![Get, Get, Put, Patch, DeepPatch, Delete]);
    (request, any::<bool>())
}

fn check(backend: Backend, clients: Vec<Vec<(Request, bool)>>) {
    run(async {
        let service = Service::start(backend).await;
        let operations = history(&service, clients).await;
        assert!(is_linearizable(&operations), "{operations:#?}");
    });
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn concurrent_clients_of_local_mode_see_one_order_of_events(
        clients in prop::collection::vec(prop::collection::vec(request(), 1..8), 2..7),
    ) {
        check(Local, clients);
    }
}

proptest! {
    #![proptest_config(cases(6))]

    #[test]
    fn concurrent_clients_of_the_functions_see_one_order_of_events(
        clients in prop::collection::vec(prop::collection::vec(request(), 1..8), 2..7),
    ) {
        check(Lambda, clients);
    }
}

fn operation(
    request: Request,
    sent: usize,
    answered: usize,
    status: u16,
    tag: Option<&str>,
) -> Operation {
    Operation {
        request,
        if_match: None,
        sent,
        answered,
        status,
        tag: tag.map(str::to_owned),
    }
}

/// The checker sees what it must not let through.
#[test]
fn a_stale_read_is_not_linearizable() {
    let put = operation(Request::Put, 0, 1, 201, Some("one"));
    let overlapping = operation(Request::Get, 0, 2, 404, None);
    assert!(is_linearizable(&[put.clone(), overlapping]));
    let stale = operation(Request::Get, 2, 3, 404, None);
    assert!(!is_linearizable(&[put, stale]));
}

#[test]
fn two_winners_with_one_tag_are_not_linearizable() {
    let put = operation(Request::Put, 0, 1, 201, Some("one"));
    let winner = |tag: &str| Operation {
        if_match: Some("one".to_owned()),
        ..operation(Request::Patch, 2, 5, 200, Some(tag))
    };
    let loser = Operation {
        if_match: Some("one".to_owned()),
        ..operation(Request::Patch, 2, 5, 412, Some("two"))
    };
    assert!(is_linearizable(&[put.clone(), winner("two"), loser]));
    assert!(!is_linearizable(&[put, winner("two"), winner("three")]));
}
