use processor::row::OpenHit;

fn forge(mut row: OpenHit) -> OpenHit {
    row.readable = true;
    row
}

fn main() {
    let _ = forge;
}
