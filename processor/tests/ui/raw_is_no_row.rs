use processor::open::RawVisit;
use processor::row::OpenHit;

fn row(raw: RawVisit) -> OpenHit {
    OpenHit::bot(raw)
}

fn main() {
    let _ = row;
}
