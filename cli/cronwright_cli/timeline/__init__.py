"""The timeline in a terminal: `run` reads a row, `api` fetches rows, `ledger` keeps them, `cells` and `table` show them."""
