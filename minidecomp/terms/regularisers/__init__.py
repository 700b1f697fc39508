"""D(q(z), p(z)): the regularisers."""
