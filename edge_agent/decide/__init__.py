"""Eligibility, pacing and ranking (pure): what fills the slot, and why not the others?"""
