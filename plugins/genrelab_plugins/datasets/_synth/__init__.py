"""The engine of `synthetic`: genres are described, artists given a sound, clips arranged and written."""
