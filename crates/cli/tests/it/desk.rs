//! A screen without a monitor, a person's hands, and a window of `hamlet` on it.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Longest wait for something to appear; machines are slow and shared.
const PATIENCE: Duration = Duration::from_secs(90);

/// Width and height of the screen, pixels.
pub(crate) const SCREEN: [usize; 2] = [800, 600];

/// An X server of our own whose picture is a file.
pub(crate) struct Desk {
    server: Child,
    display: String,
    folder: tempfile::TempDir,
    program: Option<Child>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        for child in self.program.iter_mut().chain([&mut self.server]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Desk {
    /// Starts one; `None`, said loudly, where the programs are absent.
    pub(crate) fn open() -> Option<Self> {
        let there = |name: &str| {
            Command::new(name).arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
        };
        if !cfg!(target_os = "linux") || !["Xvfb", "xdotool", "xclip"].into_iter().all(there) {
            eprintln!("skipped: Xvfb, xdotool or xclip is absent");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let screen = format!("{}x{}x24", SCREEN[0], SCREEN[1]);
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp", "-fbdir"])
            .arg(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let display = format!(":{}", line.trim());
        assert!(display.len() > 1, "the X server did not start");
        Some(Self { server, display, folder, program: None })
    }

    /// Opens the window on `what` and waits until a picture stands in it.
    pub(crate) fn view(&mut self, what: &Path, arguments: &[&str]) {
        let child = Command::new(env!("CARGO_BIN_EXE_hamlet"))
            .arg("view")
            .arg(what)
            .args(["--size", &format!("{}x{}", SCREEN[0], SCREEN[1])])
            .args(arguments)
            .env("DISPLAY", &self.display)
            .env("XDG_CONFIG_HOME", self.folder.path())
            // Keeps Mesa from looking for a Wayland server and complaining that there is none.
            .env("NODEVICE_SELECT", "1")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        self.program = Some(child);
        self.until("a window", |desk| {
            !desk.hands(&["search", "--onlyvisible", "--name", "Hamlet"]).is_empty()
        });
        let window = self.hands(&["search", "--onlyvisible", "--name", "Hamlet"]);
        let window = window.lines().next().unwrap().to_owned();
        // Without a window manager nobody else gives the window the keyboard.
        self.hands(&["windowfocus", "--sync", &window]);
        self.until("a picture", |desk| desk.colors() > 500);
    }

    /// Has `xdotool` do something; what it printed.
    pub(crate) fn hands(&self, arguments: &[&str]) -> String {
        let output = Command::new("xdotool").args(arguments).env("DISPLAY", &self.display).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Drags with a button from one pixel to another, as slowly as a hand does.
    pub(crate) fn drag(&self, button: &str, from: [usize; 2], to: [usize; 2]) {
        let [x, y] = from.map(|n| n.to_string());
        self.hands(&["mousemove", &x, &y, "mousedown", button, "sleep", "0.2"]);
        for step in 1..=4 {
            let [x, y] = [0, 1].map(|axis| ((from[axis] * (4 - step) + to[axis] * step) / 4).to_string());
            self.hands(&["mousemove", &x, &y, "sleep", "0.1"]);
        }
        self.hands(&["mouseup", button]);
    }

    /// Waits until `happened`.
    pub(crate) fn until(&mut self, what: &str, mut happened: impl FnMut(&Self) -> bool) {
        let start = Instant::now();
        while !happened(self) {
            assert!(start.elapsed() < PATIENCE, "{what} did not come");
            if let Some(status) = self.program.as_mut().and_then(|p| p.try_wait().unwrap()) {
                panic!("the program ended before {what} came: {status}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The screen: RGB by rows from the top. From the XWD file that the server keeps (X11/XWDFile.h).
    pub(crate) fn screen(&self) -> Vec<[u8; 3]> {
        let bytes = std::fs::read(self.folder.path().join("Xvfb_screen0")).unwrap();
        let word =
            |index: usize| u32::from_be_bytes(bytes[index * 4..index * 4 + 4].try_into().unwrap()) as usize;
        let (header, width, height, line, colors) = (word(0), word(4), word(5), word(12), word(19));
        assert_eq!((word(1), word(11), [width, height]), (7, 32, SCREEN), "an XWD file of 32 bits a pixel");
        let pixels = &bytes[header + colors * 12..];
        (0..height)
            .flat_map(|y| pixels[y * line..y * line + width * 4].chunks_exact(4).map(|p| [p[2], p[1], p[0]]))
            .collect()
    }

    fn colors(&self) -> usize {
        let mut colors = self.screen();
        colors.sort_unstable();
        colors.dedup();
        colors.len()
    }

    /// Share of the pixels of a rectangle (left, top, width, height) that differ from an earlier screen.
    pub(crate) fn changed(&self, before: &[[u8; 3]], [left, top, width, height]: [usize; 4]) -> f64 {
        let now = self.screen();
        let at = |x: usize, y: usize| y * SCREEN[0] + x;
        let places = (top..top + height).flat_map(|y| (left..left + width).map(move |x| at(x, y)));
        places.filter(|&place| now[place] != before[place]).count() as f64 / (width * height) as f64
    }

    /// Waits until the picture has stood still.
    pub(crate) fn rest(&mut self) -> Vec<[u8; 3]> {
        let mut last = self.screen();
        let mut since = Instant::now();
        self.until("a still picture", |desk| {
            // The line at the bottom may turn its spinner.
            let moved = desk.changed(&last, [0, 0, SCREEN[0], SCREEN[1] - 40]) > 0.0;
            if moved {
                (last, since) = (desk.screen(), Instant::now());
            }
            since.elapsed() > Duration::from_millis(700)
        });
        last
    }

    /// Copies the camera with Ctrl+C and reads the clipboard: x, y, z, heading, pitch (metres, degrees).
    pub(crate) fn camera(&mut self) -> Vec<f64> {
        // What an earlier copy left must not be taken for the answer.
        let mut other = self.clipboard("-i").stdin(Stdio::piped()).spawn().unwrap();
        other.stdin.take().unwrap().write_all(b"nothing").unwrap();
        other.wait().unwrap();
        self.hands(&["key", "ctrl+c"]);
        let mut camera = Vec::new();
        self.until("the camera text", |desk| {
            let text = desk.clipboard("-o").output().unwrap().stdout;
            let text = String::from_utf8_lossy(&text);
            camera = text.split(',').filter_map(|number| number.trim().parse().ok()).collect();
            camera.len() == 5
        });
        camera
    }

    fn clipboard(&self, direction: &str) -> Command {
        let mut command = Command::new("xclip");
        command.args([direction, "-selection", "clipboard"]).env("DISPLAY", &self.display);
        command.stderr(Stdio::null());
        command
    }
}
