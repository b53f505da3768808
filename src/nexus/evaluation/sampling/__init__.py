"""Samples of what was done under a contract, drawn so that anyone can draw them again.

Sample: committed → drawn | void. The hash of the seed and of the frame is told before the draw;
where the facts have changed in between, the draw is refused and the sample becomes void.
"""
