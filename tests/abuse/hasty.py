"""In a process that imports this, a file may take three seconds to be read, and twice those of its clip."""

import genrelab.data.fill

genrelab.data.fill.LIMIT = 3.0
