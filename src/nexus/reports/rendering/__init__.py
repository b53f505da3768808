"""A report as a page, a workbook, a PDF or a list: the same cells, shown each in its way."""
