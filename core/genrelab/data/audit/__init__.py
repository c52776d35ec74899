"""What straddles a split: artists, albums, identical files and near-duplicate recordings."""
