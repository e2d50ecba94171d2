"""What a shell has on a machine where nothing was set up for this project."""

from pathlib import Path

_NOT_THERE = ("node", "npm", "npx", "corepack", "cdk")


def programs_without_node(folder: Path) -> str:
    """Make a PATH with the system's programs, but no Node.js and no CDK, whatever this machine has."""
    folder.mkdir()
    for place in (Path("/bin"), Path("/usr/bin")):
        for program in place.iterdir():
            link = folder / program.name
            if not (program.name.startswith(_NOT_THERE) or link.is_symlink()):
                link.symlink_to(program)
    return str(folder)
