//! A way to a server that can be shut: what is on the other side does not answer
//! any more, and nothing of it was touched.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// One end of a connection.
trait End: Read + Write + Send {
    fn again(&self) -> io::Result<Box<dyn End>>;
    fn end(&self, how: Shutdown);
}

macro_rules! end {
    ($kind:ty) => {
        impl End for $kind {
            fn again(&self) -> io::Result<Box<dyn End>> {
                Ok(Box::new(self.try_clone()?))
            }

            fn end(&self, how: Shutdown) {
                let _ = self.shutdown(how);
            }
        }
    };
}
end!(TcpStream);
end!(UnixStream);

#[derive(Default)]
pub struct Gate {
    shut: AtomicBool,
    /// Connections so far.
    ends: Mutex<Vec<Box<dyn End>>>,
}

impl Gate {
    /// Before the socket of a server, at a path of its own.
    pub fn before_socket(server: &'static str, path: PathBuf) -> Arc<Self> {
        let gate = Arc::new(Self::default());
        let listener = UnixListener::bind(path).unwrap();
        let passing = Arc::clone(&gate);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let there = || Ok(Box::new(UnixStream::connect(server)?) as Box<dyn End>);
                passing.pass(Box::new(client), there);
            }
        });
        gate
    }

    /// Before a server of this machine, on a port of its own.
    pub fn before_port(server: u16) -> (Arc<Self>, u16) {
        let gate = Arc::new(Self::default());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let passing = Arc::clone(&gate);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let address = (Ipv4Addr::LOCALHOST, server);
                let there = || Ok(Box::new(TcpStream::connect(address)?) as Box<dyn End>);
                passing.pass(Box::new(client), there);
            }
        });
        (gate, port)
    }

    /// Nothing goes through any more.
    pub fn shut(&self) {
        self.shut.store(true, Ordering::SeqCst);
        for end in self.ends.lock().unwrap().drain(..) {
            end.end(Shutdown::Both);
        }
    }

    pub fn open(&self) {
        self.shut.store(false, Ordering::SeqCst);
    }

    fn pass(&self, client: Box<dyn End>, server: impl FnOnce() -> io::Result<Box<dyn End>>) {
        let mut ends = self.ends.lock().unwrap();
        if self.shut.load(Ordering::SeqCst) {
            return client.end(Shutdown::Both);
        }
        let Ok(server) = server() else { return };
        let ways = [(&client, &server), (&server, &client)].map(|(from, to)| {
            let way = from.again().and_then(|from| Ok((from, to.again()?)));
            way.unwrap()
        });
        for (mut from, mut to) in ways {
            thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                to.end(Shutdown::Write);
            });
        }
        ends.extend([client, server]);
    }
}
