//! Sessions (`session_id`): connections kept between requests, bounded in number and in time.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::Exception;

/// What a request says about its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SessionRequest {
    pub(super) id: String,
    /// How long the session is kept unused.
    pub(super) timeout: Duration,
    /// Whether the session must exist already.
    pub(super) must_exist: bool,
    /// Whether it ends with this request.
    pub(super) close: bool,
}

/// The kept connections, by session id.
pub(super) struct Sessions<C> {
    most: usize,
    by_id: Mutex<HashMap<String, Slot<C>>>,
}

enum Slot<C> {
    Busy,
    Idle { connection: C, expires: Instant },
}

impl<C> Sessions<C> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, by_id: Mutex::new(HashMap::new()) }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Slot<C>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves a session for one request and returns its connection, if it has one already.
    pub(super) fn take(
        &self,
        request: &SessionRequest,
        now: Instant,
    ) -> Result<(Lease<'_, C>, Option<C>), Exception> {
        let mut by_id = self.locked();
        by_id.retain(|_, slot| !matches!(slot, Slot::Idle { expires, .. } if *expires <= now));
        match by_id.get(&request.id) {
            Some(Slot::Busy) => {
                return Err(Exception::coded(
                    373,
                    "SESSION_IS_LOCKED",
                    "Session is locked by a concurrent client",
                ));
            }
            None if request.must_exist => {
                return Err(Exception::coded(372, "SESSION_NOT_FOUND", "Session not found"));
            }
            None if by_id.len() >= self.most => {
                let text = format!("Too many sessions ({}); close some with close_session=1", self.most);
                return Err(Exception::coded(202, "TOO_MANY_SIMULTANEOUS_QUERIES", &text));
            }
            _ => {}
        }
        let connection = match by_id.insert(request.id.clone(), Slot::Busy) {
            Some(Slot::Idle { connection, .. }) => Some(connection),
            _ => None,
        };
        Ok((Lease { sessions: self, id: Some(request.id.clone()) }, connection))
    }
}

/// A reserved session; without [`Lease::keep`] it ends.
pub(super) struct Lease<'a, C> {
    sessions: &'a Sessions<C>,
    id: Option<String>,
}

impl<C> Lease<'_, C> {
    /// Puts the connection back for the next request.
    pub(super) fn keep(mut self, connection: C, expires: Instant) {
        // Taken out, so that `drop` can't end what the next request may have reserved meanwhile.
        if let Some(id) = self.id.take() {
            self.sessions.locked().insert(id, Slot::Idle { connection, expires });
        }
    }
}

impl<C> Drop for Lease<'_, C> {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.sessions.locked().remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn request(id: &str) -> SessionRequest {
        SessionRequest { id: id.into(), timeout: MINUTE, must_exist: false, close: false }
    }

    fn code<T>(result: Result<T, Exception>) -> u32 {
        result.map(|_| ()).unwrap_err().code
    }

    #[test]
    fn keeps_a_connection_until_it_expires() {
        let (sessions, now) = (Sessions::new(2), Instant::now());
        let (lease, none) = sessions.take(&request("a"), now).unwrap();
        assert_eq!(none, None);
        lease.keep(7, now + MINUTE);
        let (lease, kept) = sessions.take(&request("a"), now + MINUTE / 2).unwrap();
        assert_eq!(kept, Some(7));
        lease.keep(7, now + MINUTE);
        assert_eq!(sessions.take(&request("a"), now + MINUTE).unwrap().1, None);
    }

    #[test]
    fn a_session_serves_one_request_at_a_time() {
        let (sessions, now) = (Sessions::<u8>::new(2), Instant::now());
        let (lease, _) = sessions.take(&request("a"), now).unwrap();
        assert_eq!(code(sessions.take(&request("a"), now)), 373);
        drop(lease);
        assert!(sessions.take(&request("a"), now).is_ok());
    }

    #[test]
    fn their_number_is_bounded() {
        let (sessions, now) = (Sessions::<u8>::new(1), Instant::now());
        let (lease, _) = sessions.take(&request("a"), now).unwrap();
        lease.keep(1, now + MINUTE);
        assert_eq!(code(sessions.take(&request("b"), now)), 202);
        assert!(sessions.take(&request("b"), now + MINUTE).is_ok());
    }

    #[test]
    fn a_session_that_must_exist_is_not_made() {
        let sessions = Sessions::<u8>::new(1);
        let request = SessionRequest { must_exist: true, ..request("a") };
        assert_eq!(code(sessions.take(&request, Instant::now())), 372);
    }
}
