//! What the machine can do at best, to measure the collector against: a server that answers with the same image and
//! does nothing else (*bare*), and one that first has 250 bytes on the disk, with a shared fdatasync (*durable*).

use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// Bytes of one record.
pub const RECORD_BYTES: usize = 250;
/// Bytes of the file, which is written over and over.
const FILE_BYTES: u64 = 64 << 20;
/// Records written at once.
const GROUP_MAX: usize = 4096;
/// The collector's image.
const GIF: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x01D\0;";

/// A file whose every block is on the disk already, so that a sync has nothing to do but the data.
#[derive(Debug)]
pub struct Written {
    file: File,
    offset: u64,
    group: Vec<u8>,
}

impl Written {
    /// Makes the file.
    ///
    /// # Errors
    /// When there is no room.
    pub fn new(path: &Path) -> Result<Self> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        for _ in 0..FILE_BYTES >> 20 {
            file.write_all(&[0; 1 << 20])?;
        }
        file.sync_all()?;
        Ok(Self { file, offset: 0, group: Vec::new() })
    }

    /// One write and one sync of so many records.
    ///
    /// # Errors
    /// The disk's.
    pub fn append(&mut self, records: usize) -> Result<()> {
        self.group.resize(records * RECORD_BYTES, b'x');
        if self.offset + self.group.len() as u64 > FILE_BYTES {
            self.offset = 0;
        }
        self.file.write_all_at(&self.group, self.offset)?;
        self.file.sync_data()?;
        self.offset += self.group.len() as u64;
        Ok(())
    }
}

/// Answers without doing anything.
///
/// # Errors
/// The listener's.
pub async fn bare(listener: TcpListener) -> Result<()> {
    accept(listener, || std::future::ready(())).await
}

/// Answers when the record is on the disk.
///
/// # Errors
/// The listener's or the disk's.
pub async fn durable(listener: TcpListener, file: &Path) -> Result<()> {
    let mut written = Written::new(file).context("the floor's file")?;
    let (queue, mut waiting) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
    std::thread::spawn(move || {
        let mut group = Vec::new();
        while waiting.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
            if written.append(group.len()).is_err() {
                return;
            }
            group.drain(..).for_each(|answer| _ = answer.send(()));
        }
    });
    accept(listener, move || {
        let (answer, answered) = oneshot::channel();
        _ = queue.send(answer);
        async { answered.await.unwrap_or_default() }
    })
    .await
}

async fn accept<D, A>(listener: TcpListener, done: D) -> Result<()>
where
    D: Fn() -> A + Clone + Send + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let done = done.clone();
        let service = service_fn(move |_| {
            let done = done();
            async move {
                done.await;
                Ok::<_, Infallible>(image())
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

fn image() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(GIF));
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/gif"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}
