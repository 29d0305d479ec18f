//! Whether a hit may be recorded. `decide` is pure and the only maker of a [`Permit`], which the recorder demands.

use schemas::choice::{Choice, Reading};
use schemas::configuration::{BeforeConsent, Mode, Site};
use schemas::measure::Hold;
use schemas::outcome::Outcome;

/// Proof that consent was asked for a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    hold: Hold,
    marketing: bool,
}

impl Permit {
    /// Where the visitor's state may be held.
    pub fn hold(&self) -> Hold {
        self.hold
    }

    /// Whether campaigns, click ids and outbound sites may be counted.
    pub fn marketing(&self) -> bool {
        self.marketing
    }

    /// The same, without marketing unless `marketing`; nothing is ever added.
    pub fn lowered(self, marketing: bool) -> Self {
        Self { marketing: self.marketing && marketing, ..self }
    }
}

/// What a request says about consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signals {
    /// The site's choice cookie.
    pub choice: Reading,
    /// `Sec-GPC: 1` (Global Privacy Control, W3C draft).
    pub gpc: bool,
    /// `DNT: 1` (Tracking Preference Expression, W3C note).
    pub dnt: bool,
    /// It comes from one of the networks that the site does not count.
    pub internal: bool,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The hit may be recorded.
    Permitted(Permit),
    /// It may not; only its bare count is kept.
    Refused(Outcome),
}

/// For statistics an explicit choice beats GPC and DNT, which beat the mode's default. For marketing GPC and DNT
/// beat an earlier grant. A material revision of the policy after the visitor's consent makes it void; a refusal
/// survives, that of marketing too. Internal traffic is told from a refusal: it is counted as such only where its visitor
/// would permit the record.
pub fn decide(site: &Site, signals: &Signals, last_material_revision: u32) -> Decision {
    match by_consent(site, signals, last_material_revision) {
        Decision::Permitted(_) if signals.internal => Decision::Refused(Outcome::Internal),
        decided => decided,
    }
}

fn by_consent(site: &Site, signals: &Signals, last_material_revision: u32) -> Decision {
    let objects = signals.gpc || signals.dnt;
    match signals.choice {
        Reading::Malformed => Decision::Refused(Outcome::RefusedByMalformedChoice),
        Reading::Made(choice) if !choice.statistics => Decision::Refused(Outcome::Refused),
        Reading::Made(choice) if !is_void(&choice, last_material_revision) => {
            let hold = if site.mode == Mode::Cookieless { Hold::Memory } else { Hold::Device };
            Decision::Permitted(Permit { hold, marketing: choice.marketing && !objects })
        }
        Reading::Made(_) | Reading::None if signals.gpc => Decision::Refused(Outcome::RefusedByGpc),
        Reading::Made(_) | Reading::None if signals.dnt => Decision::Refused(Outcome::RefusedByDnt),
        Reading::Made(choice) => match by_default(site) {
            Decision::Permitted(permit) => Decision::Permitted(permit.lowered(choice.marketing)),
            refused @ Decision::Refused(_) => refused,
        },
        Reading::None => by_default(site),
    }
}

/// Whether a choice was an acceptance that a later policy made void.
pub fn is_void(choice: &Choice, last_material_revision: u32) -> bool {
    choice.statistics && choice.policy_revision < last_material_revision
}

fn by_default(site: &Site) -> Decision {
    match (site.mode, site.before_consent) {
        (Mode::OptOut, _) => Decision::Permitted(Permit { hold: Hold::Device, marketing: true }),
        (Mode::Cookieless, _) | (Mode::OptIn, BeforeConsent::Memory) => {
            Decision::Permitted(Permit { hold: Hold::Memory, marketing: false })
        }
        (Mode::OptIn, BeforeConsent::Nothing) => Decision::Refused(Outcome::Unasked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::choice::Method;
    use schemas::configuration::Configuration;

    fn site(mode: &str, before_consent: &str) -> Site {
        let text = format!("[[site]]\nname='a'\nmode='{mode}'\nbefore_consent='{before_consent}'");
        let configuration = Configuration::parse(&text, "test", std::iter::empty()).unwrap();
        configuration.sites.by_name("a").unwrap().clone()
    }

    fn made(statistics: bool, marketing: bool, policy_revision: u32) -> Reading {
        Reading::Made(Choice { policy_revision, statistics, marketing, week: 2968, method: Method::Banner })
    }

    fn permitted(hold: Hold, marketing: bool) -> Decision {
        Decision::Permitted(Permit { hold, marketing })
    }

    fn lowered(decision: Decision) -> Decision {
        match decision {
            Decision::Permitted(permit) => permitted(permit.hold(), false),
            refused @ Decision::Refused(_) => refused,
        }
    }

    /// Every state × mode × signal; material revision 2 is in force.
    #[test]
    fn the_table_of_decisions() {
        use Hold::{Device, Memory};
        let refused = Decision::Refused;
        let states = [
            made(true, true, 2),
            made(true, false, 2),
            made(true, true, 1),
            made(true, false, 1),
            made(false, false, 1),
            Reading::None,
            Reading::Malformed,
        ];
        let modes = [
            site("opt-out", "nothing"),
            site("opt-in", "nothing"),
            site("opt-in", "memory"),
            site("cookieless", "nothing"),
        ];
        let unasked = [
            permitted(Device, true),
            refused(Outcome::Unasked),
            permitted(Memory, false),
            permitted(Memory, false),
        ];
        for (site, by_default) in modes.iter().zip(unasked) {
            let hold = if site.mode == Mode::Cookieless { Memory } else { Device };
            let quiet = [
                permitted(hold, true),
                permitted(hold, false),
                by_default,
                lowered(by_default),
                refused(Outcome::Refused),
                by_default,
                refused(Outcome::RefusedByMalformedChoice),
            ];
            let gpc = refused(Outcome::RefusedByGpc);
            let dnt = refused(Outcome::RefusedByDnt);
            let objecting = |signal| {
                [
                    permitted(hold, false),
                    permitted(hold, false),
                    signal,
                    signal,
                    refused(Outcome::Refused),
                    signal,
                    refused(Outcome::RefusedByMalformedChoice),
                ]
            };
            for (position, choice) in states.into_iter().enumerate() {
                let answer = |gpc, dnt| decide(site, &Signals { choice, gpc, dnt, internal: false }, 2);
                let case = format!("{:?} {choice:?}", site.mode);
                assert_eq!(answer(false, false), quiet[position], "{case}");
                assert_eq!(answer(true, false), objecting(gpc)[position], "{case} gpc");
                assert_eq!(answer(false, true), objecting(dnt)[position], "{case} dnt");
                assert_eq!(answer(true, true), objecting(gpc)[position], "{case} gpc dnt");
            }
        }
    }

    #[test]
    fn internal_traffic_is_not_recorded_and_a_refusal_stays_a_refusal() {
        let choices = [
            made(true, true, 2),
            made(true, false, 1),
            made(false, false, 2),
            Reading::None,
            Reading::Malformed,
        ];
        for site in [site("opt-out", "nothing"), site("opt-in", "nothing"), site("cookieless", "nothing")] {
            for choice in choices {
                for (gpc, dnt) in [(false, false), (true, false), (false, true)] {
                    let from = |internal| decide(&site, &Signals { choice, gpc, dnt, internal }, 2);
                    let expected = match from(false) {
                        Decision::Permitted(_) => Decision::Refused(Outcome::Internal),
                        refused @ Decision::Refused(_) => refused,
                    };
                    assert_eq!(from(true), expected, "{:?} {choice:?} {gpc} {dnt}", site.mode);
                }
            }
        }
    }
}
