//! `foodcourt dispatch`: the matcher as a program of its own, for benchmarks and experiments. Reads and writes lines;
//! what they mean stands in the domain.

use std::{
    io::{self, BufRead, Read, Write},
    process::ExitCode,
};

use clap::Args;
use foodcourt_actors::dispatch::matcher::{
    Tuning,
    protocol::{ProtocolError, Session},
};

/// The longest line that is read: a tick of a whole metropolis has a few MiB. More is no message.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// What `foodcourt dispatch` may be told.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  echo '{\"type\":\"init\",\"protocol\":1,\"params\":{\"meters_per_minute\":320,
    \"pickup_service\":4,\"dropoff_service\":4,\"max_ctd\":90},
    \"restaurants\":[],\"couriers\":[]}' |
    tr -d '\\n' | foodcourt dispatch --stdio
  prints {\"type\":\"ready\",\"protocol\":1}

  python3 evaluate.py --dispatcher 'foodcourt dispatch --stdio' instances/

Messages: docs/dispatch.md")]
pub struct DispatchArgs {
    /// Answer the benchmark's line protocol on stdin and stdout, until the end or a line that is no message.
    #[arg(long, required = true)]
    stdio: bool,
}

/// Why the conversation ended early.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    #[error("stdin or stdout: {0}")]
    Stream(#[from] io::Error),
    #[error("a line is longer than {LINE_BYTES_MAX} bytes")]
    TooLong,
}

/// Plays dispatcher until the other side ends the day: 0; 2 and a sentence on stderr if it speaks nonsense.
pub fn main(_: &DispatchArgs) -> ExitCode {
    match converse(&mut io::stdin().lock(), &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("foodcourt dispatch: {error}");
            ExitCode::from(2)
        }
    }
}

fn converse(from: &mut impl BufRead, to: &mut impl Write) -> Result<(), Ended> {
    let mut session = Session::new(Tuning::default());
    let mut line = String::new();
    loop {
        line.clear();
        if from.take(LINE_BYTES_MAX).read_line(&mut line)? == 0 {
            return Ok(());
        }
        if !line.ends_with('\n') && line.len() as u64 >= LINE_BYTES_MAX {
            return Err(Ended::TooLong);
        }
        let Some(mut reply) = session.answer(line.trim_end())? else { return Ok(()) };
        reply.push('\n');
        to.write_all(reply.as_bytes())?;
        to.flush()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INIT: &str = r#"{"type":"init","protocol":1,"rules":"classic","every":1,"start":0,"end":60,"params":{"meters_per_minute":320,"pickup_service":4,"dropoff_service":4,"max_ctd":90},"restaurants":[{"id":"r1","x":0,"y":0}],"couriers":[{"id":"c1","x":640,"y":0,"on":0,"off":60}]}"#;
    const EPOCH: &str = r#"{"type":"epoch","t":0,"orders":[{"id":"o1","restaurant":"r1","rx":0,"ry":0,"x":0,"y":320,"placed":0,"ready":3}],"couriers":[{"id":"c1","x":640,"y":0,"status":"idle","free_at":0,"off_at":60,"restaurant":null,"arrived":null,"mood":"fine"}]}"#;

    fn said(lines: &[&str]) -> (Result<(), Ended>, String) {
        let mut out = Vec::new();
        let result = converse(&mut lines.join("\n").as_bytes(), &mut out);
        (result, String::from_utf8(out).unwrap())
    }

    #[test]
    fn answers_a_day_line_by_line() {
        let (result, out) = said(&[INIT, EPOCH, r#"{"type":"end"}"#, "never read"]);
        result.unwrap();
        let expected = concat!(
            "{\"type\":\"ready\",\"protocol\":1}\n",
            "{\"t\":0,\"assignments\":[],\"moves\":[{\"courier\":\"c1\",\"restaurant\":\"r1\"}]}\n"
        );
        assert_eq!(out, expected);
    }

    #[test]
    fn names_the_line_that_is_nonsense() {
        let (result, _) = said(&[INIT, "{\"type\":\"epoch\"}"]);
        assert!(result.unwrap_err().to_string().starts_with("line 2 is no message of the protocol: missing field"));
        let (result, _) = said(&[EPOCH]);
        assert_eq!(result.unwrap_err().to_string(), "line 1: expected init first");
        let (result, _) = said(&[&INIT.replace("\"protocol\":1", "\"protocol\":9")]);
        assert_eq!(result.unwrap_err().to_string(), "line 1: protocol 9 is not spoken here, 1 is");
    }
}
