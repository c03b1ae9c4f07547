"""The timeline in a terminal.

`run` reads a row, `api` fetches rows, `follow` asks again and again, `ledger` keeps them; `cells` and `table` show.
"""
