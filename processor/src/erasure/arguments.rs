//! The command's arguments, and the address, which no error repeats.

use std::convert::Infallible;
use std::io::{self, BufRead};
use std::net::IpAddr;
use std::time::Duration;

use clap::{Args, value_parser};
use schemas::personal::Personal;

/// Longest wait in seconds.
const WAIT_MAX: u64 = 24 * 60 * 60;
/// Longest line that holds an address, with much room.
const LINE_BYTES_MAX: u64 = 256;

/// `erase`.
#[derive(Debug, Args)]
#[group(skip)]
pub struct Erase {
    /// The address to be forgotten. With `-` it is read from standard input: as an argument it stands in the shell's history
    /// and in the list of processes.
    #[arg(long, value_name = "ADDRESS", value_parser = unread)]
    pub ip: Personal<String>,
    /// Only on this site; on all without it.
    #[arg(long, value_name = "NAME")]
    pub site: Option<String>,
    /// Also destroys the keys of everything written until now, so that no copy of it can be read any more, as soon as all collectors
    /// are known to use a new one; after half a minute at the earliest. All must share one key directory. A collector of which nothing has
    /// ever been read, as it never reached Kafka, is not known: what it holds is lost.
    #[arg(long)]
    pub now: bool,
    /// Destroys them even when collectors have not said that they use the new key; records that were not read yet are lost then.
    #[arg(long, requires = "now")]
    pub force: bool,
    /// Longest wait for the order to be carried out, and for collectors to take up the new key.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = value_parser!(u64).range(..=WAIT_MAX))]
    pub wait: u64,
}

/// Whatever it is, it is looked at later, where the error is our own.
fn unread(text: &str) -> Result<Personal<String>, Infallible> {
    Ok(Personal::new(text.to_owned()))
}

/// There is no address.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It is none.
    #[error(
        "--ip is no IP address; give one, such as 192.0.2.1 or 2001:db8::1, or - and the address on standard input"
    )]
    NoAddress,
    /// Standard input cannot be read.
    #[error("--ip -: standard input cannot be read: {0}")]
    Input(#[from] io::Error),
}

impl Erase {
    /// The address, from `input` if it is not among the arguments.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn address(&self, input: impl BufRead) -> Result<Personal<IpAddr>, AddressError> {
        let given = self.ip.expose();
        let mut line = String::new();
        let text = if given == "-" {
            input.take(LINE_BYTES_MAX).read_line(&mut line)?;
            &line
        } else {
            given
        };
        let address: IpAddr = text.trim().parse().map_err(|_| AddressError::NoAddress)?;
        Ok(Personal::new(address.to_canonical()))
    }

    /// How long each wait may be.
    pub fn wait(&self) -> Duration {
        Duration::from_secs(self.wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        erase: Erase,
    }

    fn address(ip: &str, input: &str) -> Result<String, String> {
        let cli = Cli::try_parse_from(["erase", "--ip", ip]).map_err(|error| error.to_string())?;
        assert!(!format!("{cli:?}").contains(ip) || ip == "-", "arguments are silent");
        let address = cli.erase.address(input.as_bytes()).map_err(|error| error.to_string())?;
        Ok(address.expose().to_string())
    }

    #[test]
    fn an_address_is_an_argument_or_the_first_line_of_the_input() {
        assert_eq!(address("192.0.2.7", ""), Ok("192.0.2.7".into()));
        assert_eq!(address("-", " 2001:DB8::7 \nrest"), Ok("2001:db8::7".into()));
        assert_eq!(address("::ffff:192.0.2.7", ""), Ok("192.0.2.7".into()), "as the collector writes it");
    }

    #[test]
    fn an_error_does_not_repeat_what_was_given() {
        for (ip, input) in [("192.0.2.300", ""), ("-", "192.0.2.300\n"), ("-", ""), ("anna@192.0.2.30", "")] {
            let error = address(ip, input).unwrap_err();
            assert!(error.contains("no IP address") && !error.contains("192.0.2.30"), "{error}");
        }
        let endless = "1".repeat(10_000);
        assert!(address("-", &endless).is_err());
    }

    #[test]
    fn force_is_for_keys_only_and_no_wait_is_endless() {
        let parsed = |arguments: &[&str]| Cli::try_parse_from([&["erase", "--ip", "-"], arguments].concat());
        assert!(parsed(&["--force"]).is_err());
        assert!(parsed(&["--wait", "86401"]).is_err() && parsed(&["--wait", "0"]).is_ok());
        let erase = parsed(&["--now", "--force", "--wait", "7"]).unwrap().erase;
        assert!(erase.force && erase.wait() == Duration::from_secs(7));
    }
}
