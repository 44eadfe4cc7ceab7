//! Where the chunks of a result are: links are listed as they are needed, each chunk asked for once.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::Method;
use tokio::sync::Notify;

use super::inline;
use crate::client::transport::retry::{Attempts, Verdict};
use crate::client::transport::{Call, Transport};
use crate::client::wire::{ExternalLink, ResultData};
use crate::client::{Error, ErrorCode, Result};

/// Where one chunk is.
#[derive(Clone, Debug)]
pub(crate) enum Located {
    /// Behind a link.
    Link(Arc<ExternalLink>),
    /// In an answer that we have.
    Inline(Arc<ResultData>),
}

impl Located {
    pub(crate) fn row_offset(&self) -> Option<u64> {
        match self {
            Self::Link(link) => link.row_offset,
            Self::Inline(data) => data.row_offset,
        }
    }

    pub(crate) fn row_count(&self) -> Option<u64> {
        match self {
            Self::Link(link) => link.row_count,
            Self::Inline(data) => data.row_count,
        }
    }

    pub(crate) fn next_chunk_index(&self) -> Option<u64> {
        match self {
            Self::Link(link) => link.next_chunk_index,
            Self::Inline(data) => data.next_chunk_index,
        }
    }
}

/// What is known of the chunks of one statement.
#[derive(Debug)]
pub(crate) struct LinkBook {
    transport: Arc<Transport>,
    statement_id: String,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    known: BTreeMap<u64, Located>,
    /// Chunks that requests on their way ask for.
    asked: BTreeSet<u64>,
    /// Why requests that were made ahead of their need failed.
    failed: BTreeMap<u64, Error>,
    /// How many links an answer held last: a request for one chunk brings those behind it, too.
    page: u64,
}

#[derive(Debug)]
enum Claim {
    Known(Located),
    Failed(Error),
    Wait,
    Ask,
}

impl LinkBook {
    pub(crate) fn new(transport: Arc<Transport>, statement_id: String, first: ResultData) -> Self {
        let mut state = State {
            page: 1,
            ..State::default()
        };
        state.add(first, 0);
        Self {
            transport,
            statement_id,
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    /// Where chunk `index` is; asks the service when that is not known.
    pub(crate) async fn locate(&self, index: u64) -> Result<Located> {
        let mut attempts = Attempts::new(&self.transport.config().retry.control);
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let claim = self.state().claim(index);
            match claim {
                Claim::Known(located) => return Ok(located),
                Claim::Failed(error) => return Err(error),
                Claim::Wait => changed.await,
                Claim::Ask => {
                    let asking = Asking { book: self, index };
                    let answer = self.ask(index).await?;
                    let found = self.state().add(answer, index);
                    drop(asking);
                    if !found && !attempts.another(Verdict::Briefly).await {
                        return Err(Error::data_loss(format!(
                            "the service lists no data for chunk {index} of the result"
                        )));
                    }
                }
            }
        }
    }

    /// Whether chunk `index` should be asked for ahead of its need, with [`Self::answer_ahead`].
    pub(crate) fn claim_ahead(&self, index: u64) -> bool {
        let mut state = self.state();
        !state.failed.contains_key(&index) && matches!(state.claim(index), Claim::Ask)
    }

    /// Asks for what was claimed. Who needs the chunk gets the error, or asks again where the answer
    /// does not hold it.
    pub(crate) async fn answer_ahead(&self, index: u64) {
        let asking = Asking { book: self, index };
        match self.ask(index).await {
            Ok(answer) => {
                self.state().add(answer, index);
            }
            Err(error) => {
                self.state().failed.insert(index, error);
            }
        }
        drop(asking);
    }

    /// Where chunk `index` is if that is known already.
    pub(crate) fn peek(&self, index: u64) -> Option<Located> {
        self.state().known.get(&index).cloned()
    }

    /// Drops what is known of a chunk: its link does not work, or its rows have been read.
    pub(crate) fn forget(&self, index: u64) {
        self.state().known.remove(&index);
    }

    async fn ask(&self, index: u64) -> Result<ResultData> {
        let number = index.to_string();
        let path = [
            "api",
            "2.0",
            "sql",
            "statements",
            &self.statement_id,
            "result",
            "chunks",
            &number,
        ];
        let answer = self.transport.call(Call::new(Method::GET, &path)).await;
        answer.map_err(|error| match error.code() {
            ErrorCode::NotFound => error.with_context(
                "the result is gone: the service keeps one for an hour after its statement has ended, \
                 and only until that is closed",
            ),
            _ => error,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request on its way; those who wait for its answer look again when it ends, however it ends.
struct Asking<'a> {
    book: &'a LinkBook,
    index: u64,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.book.state().asked.remove(&self.index);
        self.book.changed.notify_waiters();
    }
}

impl State {
    fn claim(&mut self, index: u64) -> Claim {
        if let Some(located) = self.known.get(&index) {
            return Claim::Known(located.clone());
        }
        if let Some(error) = self.failed.remove(&index) {
            return Claim::Failed(error);
        }
        let nearest = self.asked.range(..=index).next_back();
        if nearest.is_some_and(|asked| index - asked < self.page) {
            return Claim::Wait;
        }
        self.asked.insert(index);
        Claim::Ask
    }

    /// Notes what an answer holds; true when the asked chunk is in it.
    fn add(&mut self, mut data: ResultData, asked: u64) -> bool {
        let mut links = data.external_links.take().unwrap_or_default();
        links.sort_by_key(|link| link.chunk_index);
        if !links.is_empty() {
            self.page = u64::try_from(links.len()).unwrap_or(u64::MAX);
            // What follows a page may stand beside its links; inside it they follow one another.
            let mut behind_page = data.next_chunk_index;
            let mut behind_link = None;
            for mut link in links.into_iter().rev() {
                let own = link.next_chunk_index;
                link.next_chunk_index = behind_page.take().or(own).or(behind_link);
                behind_link = Some(link.chunk_index);
                self.known
                    .insert(link.chunk_index, Located::Link(Arc::new(link)));
            }
        } else if inline::has_data(&data) {
            self.page = 1;
            let index = data.chunk_index.unwrap_or(asked);
            self.known.insert(index, Located::Inline(Arc::new(data)));
        }
        self.known.contains_key(&asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(indexes: &[u64]) -> ResultData {
        let link = |index: &u64| ExternalLink {
            chunk_index: *index,
            ..ExternalLink::default()
        };
        ResultData {
            external_links: Some(indexes.iter().map(link).collect()),
            ..ResultData::default()
        }
    }

    #[test]
    fn chunks_of_a_page_on_its_way_are_waited_for_and_those_behind_it_asked_for() {
        let mut state = State {
            page: 1,
            ..State::default()
        };
        assert!(state.add(page(&[0, 1, 2]), 0));
        assert!(matches!(state.claim(2), Claim::Known(_)));
        assert!(matches!(state.claim(3), Claim::Ask));
        assert!(matches!(state.claim(4), Claim::Wait));
        assert!(matches!(state.claim(5), Claim::Wait));
        assert!(matches!(state.claim(6), Claim::Ask));
    }

    #[test]
    fn single_link_pages_are_asked_for_side_by_side() {
        let mut state = State {
            page: 1,
            ..State::default()
        };
        assert!(state.add(page(&[0]), 0));
        assert!(matches!(state.claim(1), Claim::Ask));
        assert!(matches!(state.claim(2), Claim::Ask));
        assert!(matches!(state.claim(1), Claim::Wait));
    }

    #[test]
    fn an_answer_without_the_asked_chunk_is_noticed() {
        let mut state = State {
            page: 1,
            ..State::default()
        };
        assert!(!state.add(page(&[0]), 1));
        assert!(!state.add(ResultData::default(), 1));
    }

    #[test]
    fn the_next_chunk_of_the_answer_belongs_to_its_last_link() {
        let mut state = State {
            page: 1,
            ..State::default()
        };
        state.add(
            ResultData {
                next_chunk_index: Some(9),
                ..page(&[7, 8])
            },
            7,
        );
        assert_eq!(state.known[&8].next_chunk_index(), Some(9));
        assert_eq!(state.known[&7].next_chunk_index(), Some(8));
    }
}
