"""The steps of one answer over Graph, and the mails that some answers are.

answer_steps.py    what an answer needs next. Pure
answer_lookup.py   what is known of a message before it is answered. Pure
answer_mails.py    answers by a mail of our own, sent once. Pure
reply_mail.py      such a mail, as MIME. Pure
removal_steps.py   what takes a message away. Pure
batched_steps.py   the steps of several things, in as few batches as possible
"""
