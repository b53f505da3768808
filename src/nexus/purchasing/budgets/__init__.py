"""Budget lines of one year and one source of money, and the double-entry ledger behind them.

Nouns: BudgetLine, BudgetAdjustment, BudgetJournal, BudgetEntry. Whoever buys drafts a line, finance
approves it and adjusts it; what it holds is reserved, committed and paid by the deeds of contracts
and payments alone. The sums of a line are the sums of its entries: the database posts them
(INV-23).

BudgetLine: draft → approved ⇄ frozen; approved | frozen → closed.
"""
