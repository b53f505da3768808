"""Case files against their trail, plans and rights; conferences against what they owe."""
