// Whether the sample still has to be loaded: no movie yet, or a load of it that was interrupted; used by cinegraph/cli/demo.py.
RETURN NOT EXISTS { (:Movie) } OR EXISTS { (i:Import {kind: 'sample'}) WHERE NOT i.finished } AS empty
