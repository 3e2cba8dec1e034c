"""Operations of a laboratory, as another package would offer them."""
