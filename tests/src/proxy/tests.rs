//! Each fault as both sides of a connection see it, with a server that says again what it hears.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::*;

/// Longest wait for what is bound to come.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a test listens for what must not come.
const SILENCE: Duration = Duration::from_millis(200);

/// A server that tells what its connections bring.
struct Echo {
    address: SocketAddr,
    heard: UnboundedReceiver<Heard>,
}

#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Connection,
    Bytes(Vec<u8>),
    End,
    Failure(ErrorKind),
}

impl Echo {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, heard) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(repeat(stream, tell.clone()));
            }
        });
        Self { address, heard }
    }

    async fn next(&mut self) -> Heard {
        timeout(PATIENCE, self.heard.recv()).await.unwrap().unwrap()
    }

    async fn hears(&mut self, expected: &[Heard]) {
        for expected in expected {
            assert_eq!(self.next().await, *expected);
        }
    }

    async fn hears_nothing(&mut self) {
        tokio::time::sleep(SILENCE).await;
        assert!(self.heard.try_recv().is_err());
    }
}

async fn repeat(mut stream: TcpStream, tell: UnboundedSender<Heard>) {
    let mut chunk = [0; 1024];
    tell.send(Heard::Connection).unwrap();
    loop {
        let heard = match stream.read(&mut chunk).await {
            Ok(0) => Heard::End,
            Ok(read) => {
                tell.send(Heard::Bytes(chunk[..read].to_vec())).unwrap();
                if stream.write_all(&chunk[..read]).await.is_ok() {
                    continue;
                }
                return;
            }
            Err(error) => Heard::Failure(error.kind()),
        };
        tell.send(heard).ok();
        return;
    }
}

async fn between() -> (Proxy, Echo) {
    let (proxy, echo) = (Proxy::start().await.unwrap(), Echo::start().await);
    proxy.forward_to(echo.address);
    (proxy, echo)
}

async fn client(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.unwrap()
}

async fn reply(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut chunk = [0; 1024];
    let read = timeout(PATIENCE, client.read(&mut chunk)).await.unwrap()?;
    Ok(chunk[..read].to_vec())
}

async fn silent(client: &mut TcpStream) -> bool {
    timeout(SILENCE, client.read_u8()).await.is_err()
}

/// Says a word and hears it again.
async fn talk(client: &mut TcpStream, echo: &mut Echo) {
    client.write_all(b"word").await.unwrap();
    echo.hears(&[Heard::Bytes(b"word".into())]).await;
    assert_eq!(reply(client).await.unwrap(), b"word");
}

#[tokio::test]
async fn carries_bytes_and_the_end_both_ways() {
    let (proxy, mut echo) = between().await;
    let mut client = client(&proxy).await;
    echo.hears(&[Heard::Connection]).await;
    talk(&mut client, &mut echo).await;
    client.shutdown().await.unwrap();
    echo.hears(&[Heard::End]).await;
    assert_eq!(reply(&mut client).await.unwrap(), b"");
}

#[tokio::test]
async fn carries_more_than_sockets_hold() {
    let (proxy, mut echo) = between().await;
    let mut client = client(&proxy).await;
    tokio::spawn(async move { while echo.heard.recv().await.is_some() {} });
    let sent: Vec<u8> = (0..20_000_000u32).map(|byte| byte.to_le_bytes()[0]).collect();
    let (mut read, mut write) = client.split();
    let mut received = Vec::new();
    let send = async {
        write.write_all(&sent).await.unwrap();
        write.shutdown().await.unwrap();
    };
    let (_, all) = tokio::join!(send, read.read_to_end(&mut received));
    assert_eq!(all.unwrap(), sent.len());
    assert!(received == sent);
}

#[tokio::test]
async fn resets_both_sides_and_takes_new_connections() {
    let (proxy, mut echo) = between().await;
    let mut old = client(&proxy).await;
    echo.hears(&[Heard::Connection]).await;
    talk(&mut old, &mut echo).await;
    proxy.reset().await;
    assert_eq!(reply(&mut old).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    echo.hears(&[Heard::Failure(ErrorKind::ConnectionReset)]).await;

    let mut new = client(&proxy).await;
    echo.hears(&[Heard::Connection]).await;
    talk(&mut new, &mut echo).await;
}

#[tokio::test]
async fn a_black_hole_holds_everything_back_until_it_ends() {
    let (proxy, mut echo) = between().await;
    let mut old = client(&proxy).await;
    echo.hears(&[Heard::Connection]).await;
    talk(&mut old, &mut echo).await;

    proxy.black_hole(true);
    let mut new = client(&proxy).await;
    for client in [&mut old, &mut new] {
        client.write_all(b"late").await.unwrap();
        assert!(silent(client).await);
    }
    echo.hears_nothing().await;

    proxy.black_hole(false);
    for client in [&mut old, &mut new] {
        assert_eq!(reply(client).await.unwrap(), b"late");
    }
}

#[tokio::test]
async fn a_black_hole_holds_back_ends_too() {
    let (proxy, mut echo) = between().await;
    let (mut ended, failed) = (client(&proxy).await, client(&proxy).await);
    echo.hears(&[Heard::Connection, Heard::Connection]).await;
    proxy.black_hole(true);
    ended.shutdown().await.unwrap();
    failed.set_zero_linger().unwrap();
    drop(failed);
    echo.hears_nothing().await;
    proxy.black_hole(false);
    let ends = [echo.next().await, echo.next().await];
    assert!(ends.contains(&Heard::End) && ends.contains(&Heard::Failure(ErrorKind::ConnectionReset)));
}

#[tokio::test]
async fn a_reset_loses_what_a_black_hole_holds_back() {
    let (proxy, mut echo) = between().await;
    let mut client = client(&proxy).await;
    echo.hears(&[Heard::Connection]).await;
    proxy.black_hole(true);
    client.write_all(b"lost").await.unwrap();
    proxy.reset().await;
    proxy.black_hole(false);
    assert_eq!(reply(&mut client).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    echo.hears(&[Heard::Failure(ErrorKind::ConnectionReset)]).await;
}

#[tokio::test]
async fn cuts_a_reply_once_the_request_is_delivered() {
    let (proxy, mut echo) = between().await;
    let mut old = client(&proxy).await;
    echo.hears(&[Heard::Connection]).await;
    talk(&mut old, &mut echo).await;

    proxy.cut_replies(true);
    assert_eq!(proxy.cuts(), 0);
    old.write_all(b"delivered").await.unwrap();
    assert_eq!(reply(&mut old).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    echo.hears(&[Heard::Bytes(b"delivered".into()), Heard::End]).await;
    assert_eq!(proxy.cuts(), 1);

    proxy.cut_replies(false);
    let mut new = client(&proxy).await;
    echo.hears(&[Heard::Connection]).await;
    talk(&mut new, &mut echo).await;
}

#[tokio::test]
async fn refuses_new_connections_and_keeps_old_ones() {
    let (proxy, mut echo) = between().await;
    let mut old = client(&proxy).await;
    echo.hears(&[Heard::Connection]).await;
    for _ in 0..2 {
        proxy.refuse(true).await.unwrap();
        let refused = TcpStream::connect(proxy.address()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        talk(&mut old, &mut echo).await;
        proxy.refuse(false).await.unwrap();
        let mut new = client(&proxy).await;
        echo.hears(&[Heard::Connection]).await;
        talk(&mut new, &mut echo).await;
        drop(new);
        echo.hears(&[Heard::End]).await;
    }
}

#[tokio::test]
async fn leads_new_connections_to_the_target_of_the_moment() {
    let (proxy, mut first) = between().await;
    let mut second = Echo::start().await;
    let mut old = client(&proxy).await;
    first.hears(&[Heard::Connection]).await;
    proxy.forward_to(second.address);
    let mut new = client(&proxy).await;
    second.hears(&[Heard::Connection]).await;
    talk(&mut new, &mut second).await;
    talk(&mut old, &mut first).await;
}

#[tokio::test]
async fn resets_whoever_connects_while_there_is_no_target() {
    let proxy = Proxy::start().await.unwrap();
    let mut client = client(&proxy).await;
    assert_eq!(reply(&mut client).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}
