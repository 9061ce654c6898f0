//! `systemd`: a user unit that mounts at login.

use super::args::SystemdArgs;
use super::invocation::given_options;
use super::mount;
use super::refusal::usage;
use super::settings::Settings;
use crate::error::{Error, Result};
use crate::text::printable;
use clap::ArgMatches;
use std::ffi::OsStr;
use std::path::Path;

/// Prints a unit that mounts what `mount` would with the same arguments.
pub(super) fn systemd(args: SystemdArgs, matches: &ArgMatches) -> Result<()> {
    // Invalid arguments should fail now, not at the next login.
    Settings::new(&args.mount.reading)?;
    let (sources, mountpoint) = mount::paths(args.mount.paths)?;
    for source in &sources {
        std::fs::metadata(source).map_err(|error| Error::io(source.display(), error))?;
    }
    let program = std::env::current_exe().map_err(|error| Error::io("the path of gptfs", error))?;
    let mut start = vec![word(&program)?, "mount".to_owned()];
    for option in given_options(matches).into_iter().filter(|option| option != "--foreground") {
        start.push(word(&option)?);
    }
    if args.mount.foreground {
        // A unit of this type has to go to the background, whatever the configuration says.
        start.push("--foreground=false".to_owned());
    }
    start.push("--".to_owned());
    for path in sources.iter().chain([&mountpoint]) {
        start.push(word(path)?);
    }
    let stop = [word(&program)?, "unmount".to_owned(), "--".to_owned(), word(&mountpoint)?];
    let name = mountpoint.file_name().unwrap_or_default().to_string_lossy();
    let file = file_name(&name);
    let unit = unit(&file, &printable(&name).to_string().replace('%', "%%"), &start, &stop);
    super::print(|out| out.write_all(unit.as_bytes()))
}

/// What to call the unit of a mountpoint with this name, without the ending: `gptfs-chats`.
fn file_name(mountpoint: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    format!("gptfs-{}", mountpoint.chars().map(plain).collect::<String>())
}

fn unit(file: &str, name: &str, start: &[String], stop: &[String]) -> String {
    format!(
        "# Save this as ~/.config/systemd/user/{file}.service (make the directory if it is missing), then run:\n\
         # systemctl --user enable --now {file}\n\
         [Unit]\n\
         Description=ChatGPT export at {name}\n\
         Documentation=man:gptfs(1)\n\
         \n\
         [Service]\n\
         # `gptfs mount` returns when the tree can be used; the process that serves it goes on.\n\
         Type=forking\n\
         ExecStart={}\n\
         ExecStop={}\n\
         Restart=on-failure\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n",
        start.join(" "),
        stop.join(" ")
    )
}

/// One word of a command line in a unit: quoted, with everything escaped that systemd would expand.
fn word(text: impl AsRef<OsStr>) -> Result<String> {
    let text = text.as_ref();
    let plain = text.to_str().filter(|text| !text.contains(char::is_control)).ok_or_else(|| {
        let name = Path::new(text).display().to_string();
        usage(format!("{name}: a systemd unit can't name this path"))
    })?;
    let escaped = plain.replace('\\', r"\\").replace('"', r#"\""#).replace('%', "%%").replace('$', "$$");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-=".contains(c);
    Ok(if escaped.chars().all(is_plain) { escaped } else { format!("\"{escaped}\"") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_called_after_its_mountpoint() {
        for (mountpoint, file) in
            [("chats", "gptfs-chats"), ("my chats", "gptfs-my-chats"), ("año", "gptfs-a-o"), ("", "gptfs-")]
        {
            assert_eq!(file_name(mountpoint), file);
        }
    }

    #[test]
    fn words_of_a_unit_are_taken_literally() {
        for (text, expected) in [
            ("/usr/bin/gptfs", "/usr/bin/gptfs"),
            ("--tz=Europe/Berlin", "--tz=Europe/Berlin"),
            ("/home/ines/my chats", r#""/home/ines/my chats""#),
            (r#"a"b\c"#, r#""a\"b\\c""#),
            ("100% $HOME", r#""100%% $$HOME""#),
        ] {
            assert_eq!(word(text).expect(text), expected);
        }
        assert!(word("a\nb").is_err());
    }
}
