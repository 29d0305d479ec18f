use processor::enrich::{Networks, enrich};
use processor::open::RawVisit;
use processor::row::OpenHit;
use schemas::source::SiteHosts;

fn row(raw: RawVisit) -> OpenHit {
    OpenHit::bot(enrich(raw, &Networks::default(), &SiteHosts::default()))
}

fn main() {
    let _ = row;
}
