-- blur: pictures worked on by processes in memory that all of them see, so that no pixel is copied from one to another.

local async = require "lacuna"

local WIDTH, HEIGHT, BANDS = 640, 480, 4

local function draw(pixels)
  for y = 0, HEIGHT - 1 do
    for x = 0, WIDTH - 1 do pixels[y * WIDTH + x] = (math.floor(x / 40) + math.floor(y / 40)) % 2 * 255 end
  end
end

-- The mean of a pixel and its eight neighbours, for the rows of one band.
local function blur_band(source, target, band)
  local height = HEIGHT / BANDS
  for y = math.max(1, (band - 1) * height), math.min(HEIGHT - 2, band * height - 1) do
    for x = 1, WIDTH - 2 do
      local sum = 0
      for row = y - 1, y + 1 do
        local i = row * WIDTH + x
        sum = sum + source[i - 1] + source[i] + source[i + 1]
      end
      target[y * WIDTH + x] = sum / 9
    end
  end
  return band
end

local source = async.SharedBuffer(WIDTH * HEIGHT):view("uint8_t")
local target = async.SharedBuffer(WIDTH * HEIGHT):view("uint8_t")
draw(source)

async.with(async.ProcessPoolExecutor(2), function(pool)
  local function blur(band) return blur_band(source, target, band) end
  for band in pool:map(blur, {1, 2, 3, 4}) do print(("band %d of %d is done"):format(band, BANDS)) end
end)

local grey = 0
for i = 0, #target - 1 do
  if target[i] > 0 and target[i] < 255 then grey = grey + 1 end
end
print(("%d grey pixels in a picture that had none"):format(grey))
