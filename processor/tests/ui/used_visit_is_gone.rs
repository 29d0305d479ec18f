use processor::enrich::{Networks, enrich};
use processor::open::RawVisit;
use schemas::source::SiteHosts;

fn twice(raw: RawVisit) {
    let networks = Networks::default();
    enrich(raw, &networks, &SiteHosts::default());
    enrich(raw, &networks, &SiteHosts::default());
}

fn main() {
    let _ = twice;
}
