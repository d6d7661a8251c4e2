"""One file per figure. A figure is drawn from tables alone and never imports torch."""
