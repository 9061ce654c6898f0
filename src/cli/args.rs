//! The grammar of the command line: commands, their arguments, and their help.

pub(super) mod grep;
pub(super) mod list;

use super::filter::FilterArgs;
use super::settings::{READING, ReadingArgs};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;

/// The help heading of options that only `mount` has.
pub(super) const MOUNTING: &str = "Mounting";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "gptfs",
    version,
    about = "Read your ChatGPT data export as a tree of Markdown files",
    long_about = "Read your ChatGPT data export as a tree of Markdown files: year/month/title.md\n\n\
        SOURCE is the ZIP that ChatGPT sent (of any year, re-zipped or not), a folder with an unpacked export or \
        several ZIPs, one part of an export in several parts, or a bare conversations.json. Nothing is unpacked, \
        nothing is changed, and nothing leaves this machine.",
    after_help = "Examples:\n  \
        gptfs demo                                  try it on invented chats\n  \
        gptfs mount export.zip ~/chats              read an export as a folder\n  \
        gptfs unmount ~/chats\n  \
        gptfs ls export.zip 2024/02                 without mounting\n  \
        gptfs export export.zip ~/chats             write plain files\n\n\
        Options can also be set in ~/.config/gptfs/config.toml and, where the help names one, by an environment \
        variable. The command line wins over the environment, and the environment over the file.\n\n\
        Environment:\n  \
        GPTFS_TZ, GPTFS_JOBS …                      every option of reading and mounting, in capitals\n  \
        NO_COLOR                                    print no colours\n\n\
        Files:\n  \
        ~/.config/gptfs/config.toml                 options\n  \
        ~/.cache/gptfs                              saved indexes\n\n\
        Exit codes: 0 done, 1 unexpected, 2 usage, 3 not an export that gptfs can read,\n\
        4 damaged, or `check` found problems, 5 over a limit,\n\
        6 environment (mountpoint, FUSE, space, permission), 130 interrupted.",
    args_override_self = true,
    max_term_width = 100
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(super) struct CommonArgs {
    /// Use the options of [profile.NAME] in the configuration file too
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "GPTFS_PROFILE",
        hide_env_values = true,
        help_heading = "Common"
    )]
    pub(super) profile: Option<String>,
    /// Read options from this file [default: ~/.config/gptfs/config.toml]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "GPTFS_CONFIG",
        hide_env_values = true,
        value_hint = ValueHint::FilePath,
        help_heading = "Common"
    )]
    pub(super) config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long, global = true, help_heading = "Common")]
    pub(super) no_config: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    #[cfg(feature = "fuse")]
    /// Mount an export as a read-only directory
    Mount(MountArgs),
    #[cfg(feature = "fuse")]
    /// Unmount a directory; also clears a dead mount
    #[command(
        visible_alias = "umount",
        after_help = "Example:\n  gptfs unmount ~/chats\n\n`umount` and `fusermount3 -u` work as well. A directory that \
            `gptfs mount` made is removed, unless its process was killed."
    )]
    Unmount {
        /// The mountpoint, or several
        #[arg(value_name = "DIR", required = true, value_hint = ValueHint::DirPath)]
        dirs: Vec<PathBuf>,
    },
    /// List what the mount would show (needs no FUSE)
    Ls(Box<list::LsArgs>),
    /// List the conversations that changed last (needs no FUSE)
    Recent(Box<list::RecentArgs>),
    /// Print files that the mount would show (needs no FUSE)
    Cat(list::CatArgs),
    /// Search an export as ripgrep would search the mount (needs no FUSE)
    #[command(
        visible_alias = "search",
        override_usage = "gptfs grep [OPTIONS] PATTERN SOURCE…",
        after_help = "Examples:\n  \
            gptfs grep lisbon export.zip\n  \
            gptfs grep -i -l \"borrow checker\" export.zip     which conversations have it\n  \
            gptfs grep -i --role user lisbon export.zip       only what you wrote\n  \
            gptfs grep --in code --since 2024 \"fn main\" export.zip\n  \
            gptfs grep -C 2 --mount ~/chats lisbon export.zip\n\n\
            Exit codes are ripgrep's: 0 found, 1 not found, 2 error."
    )]
    Grep(Box<grep::GrepArgs>),
    /// Write the tree, or the conversations that filters choose, as plain files, times included (needs no FUSE)
    Export(Box<ExportArgs>),
    /// List the conversations that are new, grown, renamed, changed or gone in a newer export
    Diff(DiffArgs),
    /// Summarize an export: its form, counts, dates, models
    Info(list::InfoArgs),
    /// List every problem in an export; exits with 0 if it has no problems, with 4 otherwise
    Check(CheckArgs),
    /// List or clear the saved indexes that make a second mount fast
    Cache(CacheArgs),
    #[cfg(feature = "fuse")]
    /// Mount a built-in export of invented chats until Ctrl-C
    Demo(DemoArgs),
    #[cfg(feature = "fuse")]
    /// Check what mounting needs on this machine, and say what to do about what is missing
    #[command(after_help = "Example:\n  gptfs doctor")]
    Doctor,
    #[cfg(feature = "fuse")]
    /// Print a systemd user unit that mounts at login; takes the arguments of `mount`
    Systemd(SystemdArgs),
    /// Print a completion script for a shell
    #[command(after_help = "Examples:\n  \
        gptfs completions bash > ~/.local/share/bash-completion/completions/gptfs\n  \
        gptfs completions zsh > ~/.zfunc/_gptfs                  with fpath+=~/.zfunc in ~/.zshrc\n  \
        gptfs completions fish > ~/.config/fish/completions/gptfs.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print a manual page, or write the pages of all commands to a directory
    #[command(after_help = "Examples:\n  \
        gptfs man | man -l -\n  \
        gptfs man grep | man -l -\n  \
        gptfs man ~/.local/share/man/man1           then: man gptfs-mount, man gptfs-tree")]
    Man {
        /// A command or `tree`, to print its page; or where to write gptfs.1 and a page for each command. The page about
        /// the tree, gptfs-tree.5, goes there too, or to `man5` beside it if the directory is called `man1`
        #[arg(value_name = "COMMAND|DIR", value_hint = ValueHint::DirPath)]
        what: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Shell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, Args)]
#[command(
    override_usage = "gptfs mount [OPTIONS] <SOURCE>... <DIR>\n       gptfs mount [OPTIONS] <SOURCE.zip>",
    after_help = "Examples:\n  \
        gptfs mount export.zip ~/chats\n  \
        gptfs mount export.zip                      on the directory `export` beside it\n  \
        gptfs mount old.zip new.zip ~/chats         one tree of two exports\n  \
        gptfs mount -o tz=Europe/Berlin,allow_other export.zip /mnt/chats\n\n\
        In /etc/fstab, with a link /sbin/mount.gptfs to this program:\n  \
        /home/me/export.zip /home/me/chats gptfs noauto,user,tz=Europe/Berlin 0 0\n\n\
        Messages of a mount in the background go to the system's log: journalctl -t gptfs"
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct MountArgs {
    /// One or more exports, then the directory to mount them on. A missing directory is made, and removed again at the
    /// end. It may be left out for a single export, which is then mounted beside itself, on its name without the ending
    #[arg(value_name = "SOURCE", num_args = 1.., required = true, value_hint = ValueHint::AnyPath)]
    pub(super) paths: Vec<PathBuf>,
    /// Stay in the foreground
    #[arg(short, long, help_heading = MOUNTING)]
    pub(super) foreground: bool,
    /// Return as soon as the directory is mounted; listings wait until the export is read
    #[arg(long, help_heading = MOUNTING)]
    pub(super) no_wait: bool,
    /// Mount on a directory that is not empty, hiding its files
    #[arg(long, help_heading = MOUNTING)]
    pub(super) non_empty: bool,
    /// Let other users read the mount
    #[arg(long, help_heading = MOUNTING)]
    pub(super) allow_other: bool,
    /// Give pages extended attributes (id, title, model …); makes every ls -l slower
    #[arg(long, help_heading = MOUNTING)]
    pub(super) xattrs: bool,
    #[arg(
        help = "Options as in fstab: tz=Europe/Berlin,allow_other. Takes the long options for reading and mounting; \
            ignores those of the system, such as ro and nosuid"
    )]
    #[arg(short = 'o', value_name = "OPTIONS", action = ArgAction::Append, help_heading = MOUNTING)]
    pub(super) mount_options: Vec<String>,
    /// Do everything but mount, as mount(8) has it.
    #[arg(long, hide = true)]
    pub(super) fake: bool,
    /// Ignore unknown mount options, as mount(8) has it.
    #[arg(long, hide = true)]
    pub(super) sloppy: bool,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
}

#[derive(Debug, Args)]
#[command(
    override_usage = "gptfs systemd [OPTIONS] <SOURCE>... <DIR>",
    after_help = "Example:\n  \
        mkdir -p ~/.config/systemd/user\n  \
        gptfs systemd export.zip ~/chats > ~/.config/systemd/user/gptfs-chats.service\n  \
        systemctl --user enable --now gptfs-chats"
)]
pub(super) struct SystemdArgs {
    #[command(flatten)]
    pub(super) mount: MountArgs,
}

#[derive(Debug, Args)]
#[command(
    override_usage = "gptfs export [OPTIONS] <SOURCE>... <DIR>\n       gptfs export [OPTIONS] --format jsonl <SOURCE>...",
    after_help = "Examples:\n  \
        gptfs export export.zip ~/notes/chats\n  \
        gptfs export --thinking hide export.zip chats\n  \
        gptfs export --since 2024 --title lisbon export.zip ~/lisbon\n  \
        gptfs export --update november.zip ~/notes/chats     again, with every new export\n  \
        gptfs export --format jsonl export.zip | jq -r 'select(.turns > 20).path'\n\n\
        Filters choose whole conversations, with their branches and files, and change no names: what is written is a part \
        of what would be written without them. What belongs to no conversation is in .gptfs and never written. If no \
        conversation matches, nothing is written or removed, and the exit code is 2.\n\n\
        An export that is damaged or incomplete takes nothing away: --update keeps the pages that it lacks or has only in \
        part, says why, and exits with 4 (5 if --max-conversation is the reason). Without a conversation in common, the \
        directory is left alone, and the exit code is 2."
)]
pub(super) struct ExportArgs {
    /// One or more exports, then the directory to write to, which must be new or empty without --update
    #[arg(value_name = "SOURCE", num_args = 1.., required = true, value_hint = ValueHint::AnyPath)]
    pub(super) paths: Vec<PathBuf>,
    /// Write the tree to the directory, or one line of JSON per conversation to standard output
    #[arg(long, value_enum, default_value_t = ExportFormat::Tree)]
    pub(super) format: ExportFormat,
    /// Bring the directory up to date that an earlier `export --update` wrote: write what changed, remove what the export
    /// no longer has, and leave alone whatever else is there or was changed
    #[arg(long)]
    pub(super) update: bool,
    /// With --update, let the filters differ from last time: what they no longer choose is removed
    #[arg(long, requires = "update")]
    pub(super) refilter: bool,
    #[command(flatten)]
    pub(super) filter: FilterArgs,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ExportFormat {
    Tree,
    Jsonl,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gptfs diff march.zip november.zip\n  \
    gptfs diff --json old.zip new.zip | jq -r 'select(.change == \"gone\").path'\n\n\
    Exit codes: 0 done, whether or not there are differences.")]
pub(super) struct DiffArgs {
    /// The older export
    #[arg(value_hint = ValueHint::AnyPath)]
    pub(super) old: PathBuf,
    /// The newer export
    #[arg(value_hint = ValueHint::AnyPath)]
    pub(super) new: PathBuf,
    /// Print one JSON object per line: change, path, id, title, turns, and what was before
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gptfs check export.zip\n  \
    gptfs check --json export.zip | jq -r .reason")]
pub(super) struct CheckArgs {
    /// The export, or several
    #[arg(value_name = "SOURCE", required = true, value_hint = ValueHint::AnyPath)]
    pub(super) sources: Vec<PathBuf>,
    /// Print one JSON object per line: subject, reason
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  gptfs cache\n  gptfs cache --clear")]
pub(super) struct CacheArgs {
    /// Remove all of them
    #[arg(long)]
    pub(super) clear: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  gptfs demo")]
pub(super) struct DemoArgs {
    /// Where to mount [default: a temporary directory]
    #[arg(value_hint = ValueHint::DirPath)]
    pub(super) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
}

/// True for options that describe how to mount or read an export and may be set outside the command line; false for
/// those that request something once.
pub(super) fn is_configurable(arg: &clap::Arg) -> bool {
    !arg.is_hide_set()
        && arg.get_long().is_some()
        && matches!(arg.get_help_heading(), Some(READING | MOUNTING))
}
