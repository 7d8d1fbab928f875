//! nginx as an upstream: the package nginx of Debian.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;

use tempfile::TempDir;

use super::program::spawn;

/// A running nginx. Dropped, it is ended, and its folder is removed.
pub struct Nginx {
    pub address: SocketAddr,
    child: Child,
    folder: TempDir,
}

/// How many ports are tried that others might take in between.
const TRIES: usize = 5;

impl Nginx {
    /// Starts one with these lines in its `server` block, and waits until it listens; none if there is no nginx.
    /// `@` in the lines stands for the folder whose files it may serve.
    pub fn start(lines: &str) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("files")).unwrap();
        for _ in 0..TRIES {
            // It can't be told to take any port and say which.
            let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let file = folder.path().join("nginx.conf");
            fs::write(&file, configuration(folder.path(), free, lines)).unwrap();
            let mut child = spawn(&["nginx", "/usr/sbin/nginx"], |command| {
                command.arg("-p").arg(folder.path()).arg("-c").arg(&file).args(["-e", "stderr"]);
                command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            })?;
            let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
            // It says so after its listeners are open; if it can't open them, it ends.
            let listens = |line: &String| {
                eprintln!("{line}");
                line.contains("using the \"")
            };
            if said.by_ref().map_while(Result::ok).any(|line| listens(&line)) {
                thread::spawn(move || {
                    said.map_while(Result::ok).for_each(|line| eprintln!("{line}"))
                });
                return Some(Self { address: free, child, folder });
            }
            child.wait().unwrap();
        }
        panic!("nginx does not start");
    }

    /// `http://` and its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts a file where it serves it.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.folder.path().join("files").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It is one process: nothing stays behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(folder: &Path, address: SocketAddr, lines: &str) -> String {
    let folder = folder.display().to_string();
    let files = format!("{folder}/files");
    let lines = lines.replace('@', &files);
    format!(
        "daemon off;\n\
         master_process off;\n\
         pid {folder}/pid;\n\
         error_log stderr notice;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n\
         access_log off;\n\
         client_body_temp_path {folder}/body;\n\
         proxy_temp_path {folder}/proxy;\n\
         fastcgi_temp_path {folder}/fastcgi;\n\
         uwsgi_temp_path {folder}/uwsgi;\n\
         scgi_temp_path {folder}/scgi;\n\
         server {{\n\
         listen {address};\n\
         root {files};\n\
         {lines}\n\
         }}\n\
         }}\n"
    )
}
