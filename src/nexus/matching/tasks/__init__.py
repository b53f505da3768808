"""Volunteer tasks as sources of help: tied to pledges on need lines, their hours delivered (T20a).

Nouns: TaskLink (a task works on a pledge), HoursBooking (minutes of a service record, booked once
on a pledge as a delivery, or set down as surplus).

TaskLink: linked → unlinked. Tasks for a line and volunteers for a task are suggested with reasons.
"""
