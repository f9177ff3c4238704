"""`daypass completion`: the script that has a shell ask `daypass __complete` (cli.complete) at each Tab."""

from __future__ import annotations

import click

from daypass.cli.output import data

__all__ = ["completion"]

_BASH = r"""# daypass: completion for bash
_daypass() {
    local line IFS=$'\n'
    COMPREPLY=()
    for line in $("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null); do
        if [[ $line == :file ]]; then
            compopt -o default
        else
            COMPREPLY+=("${line%%$'\t'*}")
        fi
    done
}
complete -F _daypass daypass"""

_ZSH = r"""#compdef daypass
# daypass: completion for zsh
_daypass() {
    local line
    local -a found described
    for line in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        if [[ $line == :file ]]; then
            _files
            return
        elif [[ -n $line ]]; then
            found+=("${line%%$'\t'*}")
            described+=("${line/$'\t'/  -- }")
        fi
    done
    (( $#found )) && compadd -l -d described -a found
}
if [[ ${funcstack[1]} == _daypass ]]; then
    _daypass "$@"
else
    compdef _daypass daypass
fi"""

_FISH = r"""# daypass: completion for fish
function __daypass_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    test -n "$current"; or set current ''
    for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
        if test "$line" = ':file'
            __fish_complete_path "$current"
        else
            echo -- $line
        end
    end
end
complete -c daypass -f -a '(__daypass_complete)'"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


@click.command(
    epilog="""\b
Examples:
  daypass completion bash > ~/.local/share/bash-completion/completions/daypass
  daypass completion zsh  > ~/.zfunc/_daypass
  daypass completion fish > ~/.config/fish/completions/daypass.fish

Commands, options, companies, and the hosts that have enrolled. zsh looks into ~/.zfunc with fpath+=~/.zfunc before
compinit in ~/.zshrc. daypass uninstall takes these files away again."""
)
@click.argument("shell", type=click.Choice(list(_SCRIPTS)))
def completion(shell: str) -> None:
    """Print a completion script for SHELL."""
    data(_SCRIPTS[shell])
