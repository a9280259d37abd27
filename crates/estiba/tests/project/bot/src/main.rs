//! A bot with no port: it waits until it is told to end.

fn main() {
    println!("polling for {}", std::env::var("API_URL").unwrap_or_default());
    loop {
        std::thread::park();
    }
}
