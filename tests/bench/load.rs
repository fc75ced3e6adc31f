//! A closed loop of callers: each connection sends its next request when it has read the last answer to its end.
//!
//!   load --port N --path PATH --connections N [--seconds S] [--requests N] [--header 'NAME: VALUE']... < BODY
//!
//! Stops at whichever bound comes first and prints one JSON object; times are in milliseconds.

use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, process, thread};

use connection::{Connection, broken};

/// So many in a row on one connection, and there is nobody to measure.
const HOPELESS: u64 = 20;
const PATIENCE: Duration = Duration::from_secs(10);

fn main() {
    let task = Task::read().unwrap_or_else(|what| {
        eprintln!("load: {what}");
        process::exit(2);
    });
    let started = Instant::now();
    let until = started + Duration::from_secs_f64(task.seconds);
    let begun = AtomicU64::new(0);
    let mut all = Measured::default();
    thread::scope(|scope| {
        let callers: Vec<_> = (0..task.connections).map(|_| scope.spawn(|| call(&task, until, &begun))).collect();
        for caller in callers {
            all.add(caller.join().expect("a caller that does not panic"));
        }
    });
    println!("{}", all.report(started.elapsed()));
}

struct Task {
    port: u16,
    connections: usize,
    seconds: f64,
    requests: u64,
    /// Head and body, ready to send.
    request: Vec<u8>,
}

impl Task {
    fn read() -> Result<Self, String> {
        let (mut port, mut path, mut connections, mut seconds, mut requests) = (None, None, 1, 1e6, u64::MAX);
        let mut headers = String::new();
        let mut arguments = env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or(format!("{name} takes a value"))?;
            let bad = |_| format!("{name} takes a number, not {value}");
            match name.as_str() {
                "--port" => port = Some(value.parse().map_err(|_| bad(()))?),
                "--path" => path = Some(value),
                "--connections" => connections = value.parse().map_err(|_| bad(()))?,
                "--seconds" => seconds = value.parse().map_err(|_| bad(()))?,
                "--requests" => requests = value.parse().map_err(|_| bad(()))?,
                "--header" => headers += &format!("{value}\r\n"),
                _ => return Err(format!("unknown argument {name}")),
            }
        }
        let port = port.ok_or("--port is missing")?;
        let path = path.ok_or("--path is missing")?;
        let mut body = Vec::new();
        io::stdin().read_to_end(&mut body).map_err(|error| format!("the body cannot be read: {error}"))?;
        let head = format!("POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{headers}content-length: {}\r\n\r\n", body.len());
        Ok(Self { port, connections, seconds, requests, request: [head.as_bytes(), &body].concat() })
    }
}

/// One caller, until a bound is reached.
fn call(task: &Task, until: Instant, begun: &AtomicU64) -> Measured {
    let mut measured = Measured::default();
    let mut connection = None;
    let mut failures = 0;
    while Instant::now() < until && failures < HOPELESS && begun.fetch_add(1, Ordering::Relaxed) < task.requests {
        match exchange(&mut connection, task, &mut measured) {
            Ok(()) => failures = 0,
            Err(error) => {
                connection = None;
                failures += 1;
                measured.errors += 1;
                measured.error = Some(error.to_string());
            }
        }
    }
    measured
}

fn exchange(kept: &mut Option<Connection>, task: &Task, measured: &mut Measured) -> io::Result<()> {
    let connection = match kept {
        Some(connection) => connection,
        None => kept.insert(connect(task.port)?),
    };
    let sent = Instant::now();
    connection.write(&task.request)?;
    let head = connection.head()?.ok_or(broken("closed before an answer"))?;
    if head.chunked || head.length > 0 {
        connection.wait()?;
    }
    let first = sent.elapsed();
    let bytes = match head.chunked {
        true => connection.chunks()?,
        false => connection.body(head.length)?.len(),
    };
    if head.line.split(' ').nth(1) != Some("200") {
        return Err(broken(&format!("answered {}", head.line)));
    }
    measured.first.push(first);
    measured.whole.push(sent.elapsed());
    measured.bytes += bytes;
    Ok(())
}

fn connect(port: u16) -> io::Result<Connection> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Connection::new(stream)
}

#[derive(Default)]
struct Measured {
    /// From sending to the first byte of the body, and to its last.
    first: Vec<Duration>,
    whole: Vec<Duration>,
    bytes: usize,
    errors: u64,
    error: Option<String>,
}

impl Measured {
    fn add(&mut self, other: Self) {
        self.first.extend(other.first);
        self.whole.extend(other.whole);
        self.bytes += other.bytes;
        self.errors += other.errors;
        self.error = self.error.take().or(other.error);
    }

    fn report(mut self, took: Duration) -> String {
        self.first.sort_unstable();
        self.whole.sort_unstable();
        format!(
            r#"{{"requests":{},"per_second":{:.1},"p50":{:.4},"p99":{:.4},"first_byte":{:.4},"bytes":{},"errors":{},"error":{:?}}}"#,
            self.whole.len(),
            self.whole.len() as f64 / took.as_secs_f64(),
            milliseconds(&self.whole, 0.50),
            milliseconds(&self.whole, 0.99),
            milliseconds(&self.first, 0.50),
            self.bytes,
            self.errors,
            self.error.unwrap_or_default(),
        )
    }
}

fn milliseconds(sorted: &[Duration], quantile: f64) -> f64 {
    let at = (sorted.len() as f64 * quantile) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}
