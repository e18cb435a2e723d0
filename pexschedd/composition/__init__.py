"""How the parts are joined: the only modules beside `tap.py` that know several of them.

basis        what nearly every part is made with
outside      everything that reaches other machines
watching     the watchers of the equipment mailboxes
doors        everything that other machines reach
observation  what monitoring reads
"""
