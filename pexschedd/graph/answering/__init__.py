"""The steps of one answer over Graph, and the mails that some answers are.

answer_steps.py    what an answer needs next. Pure
answer_lookup.py   what is known of a message before it is answered. Pure
look_up_steps.py   the look-up, in the form that the mailbox does not refuse. Pure
given_answers.py   signs that an answer was given already. Pure
folder_steps.py    the folders of messages that are still to be answered. Pure
answer_mails.py    answers by a mail of our own, sent once. Pure
reply_mail.py      such a mail, as MIME. Pure
removal_steps.py   what takes a message away. Pure
batched_steps.py   the steps of several things, in as few batches as possible
"""
