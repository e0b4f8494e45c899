"""Chain to rows: `follow` reads, `projections` say what events mean, `writer` keeps facts and states."""
