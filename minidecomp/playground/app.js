"use strict";
// The app: it begins the page.
