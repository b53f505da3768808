"""Tasks for volunteers, their positions, and who signed up (T20a, INV-30, INV-31).

Nouns: VolunteerTask, TaskPosition, Signup, AttendanceSecret (rotating sign-in and sign-out codes).

VolunteerTask: draft → submitted → published → recruiting → in_progress → ended → hours_confirmed →
closed; back to draft for correction; cancelled until it starts. `full` is derived.
Signup: applied → confirmed | waitlisted | declined; waitlisted → confirmed in order; confirmed →
attended | no_show; cancelled until the work begins.
"""
