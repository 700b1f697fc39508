"""`minidecomp playground`: a page in which small models are trained while one watches."""
