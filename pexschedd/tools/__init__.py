"""The administrator's command-line tools.

A tool sends its order to the running daemon, over a socket in the state folder, and
shows the daemon's events; so only one process ever changes the state. If no daemon is
running, the tool executes the order itself on the state folder.

start           their entry points
main            `pexschedd`, whose subcommands are the daemon and all of the others
command         `schedulingrecovery` and `schedulingmaintenance`
check           `pexschedd-check`
password        `pexschedd-password`
store_command   `pexschedd-store`
join            `pexschedd-join`
exit_status     how all of them, and the daemon, end
"""
