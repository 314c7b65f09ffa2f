//! What is denied in the sandbox, by the kernel itself; and what goes on. Each test is a thread of its own, for a sandbox is for good.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use rustix::process::{chroot, getpid, getppid, test_kill_process};
use rustix::thread::move_into_link_name_space;

use super::*;

/// What `work` returns, done in a sandbox with that room, which is all that the kernel has of it.
fn held<T: Send>(room: &Room, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let inside = scope.spawn(|| {
            let kernel = Kernel::look();
            let held = enter(room).expect("a sandbox that the kernel has");
            assert_eq!((held.by_landlock, held.by_seccomp), (kernel.landlock.is_some(), kernel.seccomp));
            assert!(held.by_seccomp && held.by_landlock, "this kernel cannot show anything: {kernel:?}");
            work()
        });
        inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// A folder of the test's own.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("egret-test-sandbox-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn refusal<T>(done: io::Result<T>) -> Option<Errno> {
    done.err().and_then(|error| Errno::from_io_error(&error))
}

#[test]
fn no_socket_is_opened_and_no_program_started() {
    let refused = held(&Room::default(), || {
        let address = "127.0.0.1:9";
        [
            ("tcp", refusal(TcpListener::bind("127.0.0.1:0"))),
            ("connect", refusal(TcpStream::connect(address))),
            ("udp", refusal(UdpSocket::bind("127.0.0.1:0"))),
            ("unix", refusal(UnixStream::connect("/nowhere"))),
            ("program", refusal(Command::new("/bin/true").spawn())),
        ]
    });
    for (what, refusal) in refused {
        assert_eq!(refusal, Some(Errno::PERM), "{what}");
    }
}

#[test]
fn other_processes_and_the_machine_are_let_alone() {
    let own = File::open("/proc/thread-self/ns/net").unwrap();
    let refused = held(&Room::default(), || {
        let parent = getppid().expect("a parent");
        [
            ("signal", test_kill_process(parent).err()),
            ("root", chroot("/").err()),
            ("namespace", move_into_link_name_space(own.as_fd(), None).err()),
        ]
    });
    for (what, refusal) in refused {
        assert_eq!(refusal, Some(Errno::PERM), "{what}");
    }
    // Of its own it is: it stops itself by Ctrl-Z.
    assert_eq!(held(&Room::default(), || test_kill_process(getpid())), Ok(()));
}

#[test]
fn no_file_is_opened_but_what_there_is_room_for() {
    let folder = folder("files");
    let (named, other) = (folder.join("named"), folder.join("other"));
    fs::write(&named, "named").unwrap();
    fs::write(&other, "other").unwrap();
    let room = Room { read: vec![named.clone(), "/nowhere/at/all".into()], write: Vec::new() };
    let (read, refused) = held(&room, || {
        let refused = [
            refusal(File::open(&other)),
            refusal(File::create(&named)),
            refusal(File::create(folder.join("new"))),
            refusal(fs::read_dir(&folder)),
            refusal(fs::remove_file(&other)),
            refusal(File::open("/etc/passwd")),
            refusal(File::open("/proc/self/status")),
        ];
        (fs::read_to_string(&named), refused)
    });
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(read.unwrap(), "named");
    assert_eq!(refused, [Some(Errno::ACCESS); 7]);
}

#[test]
fn files_are_made_and_removed_where_there_is_room_and_neither_moved_nor_given_away() {
    let folder = folder("made");
    let (inner, outer) = (folder.join("inner"), folder.join("outer"));
    fs::create_dir_all(&inner).unwrap();
    let at = inner.join("trace");
    let room = Room { read: Vec::new(), write: vec![inner.clone()] };
    let (made, refused) = held(&room, || {
        let made = File::create_new(&at).and_then(|mut file| file.write_all(b"frames"));
        let refused = [
            refusal(fs::rename(&at, &outer)),
            refusal(fs::hard_link(&at, inner.join("other"))),
            refusal(std::os::unix::fs::symlink("/etc/passwd", inner.join("link"))),
            refusal(fs::create_dir(inner.join("folder"))),
            refusal(fs::set_permissions(&at, std::os::unix::fs::PermissionsExt::from_mode(0o4777))),
            refusal(std::os::unix::fs::chown(&at, Some(0), Some(0))),
        ];
        (made.and_then(|()| fs::remove_file(&at)), refused)
    });
    let is_there = at.exists();
    fs::remove_dir_all(&folder).unwrap();
    made.expect("there is room");
    assert!(!is_there);
    assert_eq!(refused, [Some(Errno::PERM); 6]);
}

#[test]
fn what_was_open_and_what_a_run_needs_goes_on() {
    let folder = folder("open");
    let path = folder.join("capture");
    fs::write(&path, "frames").unwrap();
    let mut open = File::open(&path).unwrap();
    let text = held(&Room::default(), || {
        let mut text = String::new();
        open.read_to_string(&mut text).expect("an open file");
        // What libpcap is given to compile for, and what a screen listens to signals with.
        let memory = memfd_create("frames", MemfdFlags::CLOEXEC).expect("memory");
        File::open(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&memory))).expect("its own");
        UnixStream::pair().expect("a pair");
        // Threads start, and are held as well.
        let later = thread::spawn(|| (vec![0_u8; 8 << 20].len(), refusal(File::open("/etc/passwd"))));
        assert_eq!(later.join().expect("a thread"), (8 << 20, Some(Errno::ACCESS)));
        text
    });
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(text, "frames");
}

#[test]
fn others_than_the_thread_are_free() {
    held(&Room::default(), || ());
    assert!(Path::new("/proc/self/status").exists());
    File::open("/proc/self/status").expect("only the sandbox denies it");
}
