//! Compiles the event schema with a pure-Rust protobuf compiler: no `protoc` is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=events/visit.proto");
    let descriptors = protox::compile(["events/visit.proto"], ["events"])?;
    let mut config = prost_build::Config::new();
    config.skip_debug(["Visit", "Progress", "Erase"]);
    config.compile_fds(descriptors)?;
    Ok(())
}
