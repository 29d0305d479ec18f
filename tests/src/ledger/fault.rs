//! What can happen to a chain, drawn from a seed.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use rand::seq::IndexedRandom as _;
use rand::{Rng, RngExt as _};

use crate::chain::{Chain, Member};
use crate::proxy::Proxy;

/// A session that a broker takes for dead after so long, in the chains that faults happen to.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(6);

/// Under load a program sends several times in so long.
const SENDING: Duration = Duration::from_secs(1);

/// One thing that happens, for a while or at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL; started again at the end.
    Kill(Member),
    /// SIGTERM: it leaves in good order, and joins again at the end.
    Leave(Member),
    /// SIGSTOP, and SIGCONT at the end: to others it is dead, and it does not know.
    Pause(Member),
    /// SIGKILL while what it sends next (to Kafka, to ClickHouse) goes nowhere and is lost; started again at the end.
    KillInMidSending(Member),
    /// The broker is killed.
    KillBroker,
    /// The broker stops.
    PauseBroker,
    /// All connections of a link are reset.
    Reset(Link),
    /// Nothing passes through a link.
    BlackHole(Link),
    /// Requests arrive, but their replies do not.
    CutReplies(Link),
}

/// Where two programs meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Collectors and broker.
    ToKafka,
    /// Broker and processors.
    FromKafka,
    /// Processors and ClickHouse.
    ToClickHouse,
}

impl Link {
    const ALL: [Self; 3] = [Self::ToKafka, Self::FromKafka, Self::ToClickHouse];

    fn proxy(self, chain: &Chain) -> &Proxy {
        match self {
            Self::ToKafka => &chain.to_kafka,
            Self::FromKafka => &chain.from_kafka,
            Self::ToClickHouse => &chain.to_clickhouse,
        }
    }
}

/// A fault, when it begins and how long it lasts.
#[derive(Debug, Clone, Copy)]
pub struct Planned {
    /// What.
    pub fault: Fault,
    /// From the round's begin.
    pub begin: Duration,
    /// From the fault's begin.
    pub length: Duration,
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fault, begin, length } = self;
        write!(f, "{fault:?} at {} ms for {} ms", begin.as_millis(), length.as_millis())
    }
}

impl Planned {
    /// Draws a fault of a round for a chain of so many collectors and processors.
    pub fn draw(random: &mut impl Rng, (collectors, processors): (usize, usize)) -> Self {
        let collector = Member::Collector(random.random_range(0..collectors));
        let processor = Member::Processor(random.random_range(0..processors));
        let link = Link::ALL.choose(random).copied().unwrap_or(Link::ToKafka);
        let fault = match random.random_range(0..18) {
            0 | 1 => Fault::Kill(collector),
            2 | 3 => Fault::Kill(processor),
            4 => Fault::Leave(processor),
            5 | 6 => Fault::Pause(processor),
            7 => Fault::Pause(collector),
            8 => Fault::Kill(Member::ClickHouse),
            9 => Fault::Pause(Member::ClickHouse),
            10 => *[Fault::KillBroker, Fault::PauseBroker].choose(random).unwrap_or(&Fault::KillBroker),
            11 => Fault::Reset(link),
            12 => Fault::BlackHole(link),
            13 | 14 => Fault::KillInMidSending(processor),
            15 | 16 => Fault::KillInMidSending(collector),
            _ => Fault::CutReplies(link),
        };
        let begin = Duration::from_millis(random.random_range(0..5000));
        let milliseconds = match fault {
            // Past the time after which its partitions are given to others.
            Fault::Pause(Member::Processor(_)) => 7000..10_000,
            Fault::Leave(_) => 500..5000,
            _ => 100..3000,
        };
        Self { fault, begin, length: Duration::from_millis(random.random_range(milliseconds)) }
    }
}

impl Fault {
    /// Lets it begin. What does not run cannot be struck again.
    ///
    /// # Errors
    /// When it cannot be done.
    pub async fn begin(self, chain: &mut Chain) -> Result<()> {
        match self {
            Self::Kill(member) if chain.runs(member)? => chain.kill(member).await,
            Self::Leave(member) if chain.runs(member)? => chain.stop(member).await.map(drop),
            Self::Pause(member) if chain.runs(member)? => chain.pause(member, true),
            Self::KillInMidSending(member) if chain.runs(member)? => kill_in_mid_sending(chain, member).await,
            Self::Kill(_) | Self::Leave(_) | Self::Pause(_) | Self::KillInMidSending(_) => Ok(()),
            Self::KillBroker => chain.broker.kill(),
            Self::PauseBroker => chain.broker.pause().or(Ok(())),
            Self::Reset(link) => {
                link.proxy(chain).reset().await;
                Ok(())
            }
            Self::BlackHole(link) => {
                link.proxy(chain).black_hole(true);
                Ok(())
            }
            Self::CutReplies(link) => {
                link.proxy(chain).cut_replies(true);
                Ok(())
            }
        }
    }

    /// Ends it.
    ///
    /// # Errors
    /// When a program does not get up again.
    pub async fn end(self, chain: &mut Chain) -> Result<()> {
        match self {
            Self::Kill(member) | Self::Leave(member) | Self::KillInMidSending(member) => {
                if !chain.runs(member)? {
                    chain.begin(member).await?;
                }
            }
            Self::Pause(member) => {
                if chain.runs(member)? {
                    chain.pause(member, false)?;
                }
            }
            Self::KillBroker => chain.broker.restart().await?,
            Self::PauseBroker => chain.broker.resume().or_else(|_| anyhow::Ok(()))?,
            Self::Reset(_) => {}
            Self::BlackHole(link) => link.proxy(chain).black_hole(false),
            Self::CutReplies(link) => link.proxy(chain).cut_replies(false),
        }
        Ok(())
    }
}

/// Whoever believes that what was sent has arrived loses it here.
async fn kill_in_mid_sending(chain: &mut Chain, member: Member) -> Result<()> {
    let link = if matches!(member, Member::Collector(_)) { Link::ToKafka } else { Link::ToClickHouse };
    link.proxy(chain).black_hole(true);
    tokio::time::sleep(SENDING).await;
    chain.kill(member).await?;
    link.proxy(chain).reset().await;
    link.proxy(chain).black_hole(false);
    Ok(())
}
