"""The timeline in a terminal.

`run` reads a row, `api` fetches rows, `stream` hears when there are new ones, `follow` asks for them, `ledger` keeps
them; `cells` and `table` show.
"""
